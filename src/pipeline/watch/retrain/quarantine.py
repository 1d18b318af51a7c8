"""Rows in quarantine: written as text with their reasons, and read at each retraining until the contract takes them."""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.source import sources, store
from pipeline.data.values import conversion
from pipeline.watch.retrain.batch import SETTING
from pipeline.watch.retrain.logged import Row
from pipeline.watch.retrain.reasons import Broken

FILE_NAME = re.compile(r"quarantine-(?P<newest>\d{8}T\d{6}Z)-[0-9a-f]{8}\.parquet")
TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Quarantine:
    """The rows in quarantine by id, as text, with their labels and keys; a row's time is that of its file's newest."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def without(self, ids: Container[str]) -> "Quarantine":
        """The rows that have none of these ids."""
        return Quarantine(
            *({name: value for name, value in part.items() if name not in ids} for part in vars(self).values())
        )


def read(folder: str, settings: Params) -> Quarantine:
    """The rows in the quarantine files of this folder; PipelineError where one can't be read."""
    pattern = f"{folder.rstrip('/')}/quarantine-*.parquet"
    rows = dict[str, Row]()
    try:
        for path in store.matching(pattern, SETTING):
            rows |= _rows(path)
    except PipelineError:
        raise
    except Exception as error:  # each fsspec plug-in has errors of its own
        raise PipelineError(f"{SETTING}: {pattern}: can't be read: {sources.reason(error)}") from None
    target, key = settings.task.target, settings.data.key
    columns = [
        {row.id: row.features[name] for row in rows.values() if name and row.features.get(name) is not None}
        for name in (target, key)
    ]
    return Quarantine(rows, *columns).without({row for row in rows if row not in columns[0]})


def _rows(path: str) -> dict[str, Row]:
    name = FILE_NAME.fullmatch(PurePosixPath(path).name)
    if name is None:
        raise PipelineError(f"{path}: is not named as `pipeline retrain` names such files; take it away")
    newest = datetime.strptime(name["newest"], TIME).replace(tzinfo=UTC)
    system, place = sources.filesystem(path, SETTING)
    with system.open(place, "rb") as stream:
        table: pd.DataFrame = pd.read_parquet(stream)
    values = table.iloc[:, 1:]  # the first column is the reason
    texts = values.astype(object).mask(values.isna(), None).to_dict(orient="index")
    return {str(row): Row(str(row), newest, {str(k): v for k, v in fields.items()}) for row, fields in texts.items()}


def explained(table: pd.DataFrame, broken: Sequence[Broken], chosen: Any) -> pd.DataFrame:
    """The chosen rows as text, with the reason in the first column: `reason`, or `_reason` where the data has a column
    of that name, and so on."""
    reasons: pd.Series[Any] = pd.Series("", index=table.index, dtype="str")
    for violation, mask in broken:
        reason = f"{violation.column}: {violation.check} ({violation.expected})"
        reasons[mask] = reasons[mask].where(reasons[mask] == "", reasons[mask] + "; ") + reason
    rows = table[chosen]
    texts = pd.DataFrame({name: conversion.labels(rows[name]) for name in rows.columns}, index=rows.index)
    name = "reason"
    while name in texts.columns:
        name = f"_{name}"
    texts.insert(0, name, reasons[chosen])
    return texts
