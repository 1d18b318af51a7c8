"""Whose rows are removed: by the key of the data, or by the ids that the service gave its answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract.schema import Schema
from pipeline.data.values import conversion
from pipeline.data.values import keys as identity
from pipeline.data.values.column_types import Type


@dataclass(frozen=True)
class Person:
    """The ids of the rows, and with `column` the text of the key and the key's declared type."""

    ids: frozenset[str]
    key: str | None = None
    column: str | None = None
    kind: Type = "text"

    @property
    def derived(self) -> int | None:
        """The key as a whole number, which retraining may have made of a row's id."""
        return int(self.key) if self.key is not None and self.kind == "integer" else None

    def with_ids(self, ids: frozenset[str]) -> "Person":
        return replace(self, ids=self.ids | ids)

    def by_key(self, keys: "pd.Series[Any]") -> "pd.Series[bool]":
        """Which of these keys are the person's, however they are stored."""
        return identity.texts(keys, self.kind) == self.key

    def by_id(self, ids: "pd.Series[Any]") -> "pd.Series[bool]":
        return conversion.labels(ids).isin(self.ids)


def of(key: str | None, ids: Sequence[str], settings: Params, contract: Schema) -> Person:
    """The person that the options name; PipelineError for options that name nobody."""
    if (key is None) == (not ids):
        raise PipelineError("forget: needs either --key VALUE or --id ID; `pipeline forget --help` explains both")
    if key is None:
        if any(not row.strip() for row in ids):
            raise PipelineError("forget: --id is empty; the id of a row stands in the service's answer and in the log")
        return Person(frozenset(ids))
    column = settings.data.key
    if column is None:
        raise PipelineError("forget: --key needs data.key, which is null in params.yaml; use --id, or name the column")
    if column not in contract.columns:
        raise PipelineError(f"forget: data.key: {column} is no column of data/schema.yaml; `pipeline schema` infers it")
    kind = contract.columns[column].type
    converted, wrong = conversion.convert(pd.Series([key], dtype="str"), kind)
    if not key.strip() or wrong.any() or converted.isna().any():
        raise PipelineError(f"forget: --key: is no {kind}, as {column} is in data/schema.yaml; check the value")
    text = str(identity.texts(pd.Series([key], dtype="str"), kind).iloc[0])
    ids = [text] if kind in ("text", "category") else []  # a row whose label came without a key has its id as the key
    return Person(frozenset(ids), text, column, kind)
