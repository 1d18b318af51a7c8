"""Logged rows and their labels as a table of the data contract, and which of them break it."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract import check, schema
from pipeline.data.contract.schema import Schema
from pipeline.data.values import conversion
from pipeline.watch.retrain.logged import Row
from pipeline.watch.retrain.outcome import Reason


@dataclass(frozen=True)
class Assembled:
    """Rows that keep the contract, as its types, and those that break it, as text with a reason; the index is the id.

    `absent`: columns of the contract that have no value in any row; `repeated`: rows whose key a later one has.
    """

    kept: pd.DataFrame
    quarantined: pd.DataFrame
    reasons: tuple[Reason, ...]
    absent: tuple[str, ...]
    repeated: int


def assemble(
    rows: Sequence[Row], labels: Mapping[str, str], keys: Mapping[str, str] | None, agreed: Schema, knobs: Params
) -> Assembled:
    """Rows in the order of their times; PipelineError where a column that must have values is not logged at all."""
    ordered = sorted(rows, key=lambda row: (row.time, row.id))
    table, absent = _table(ordered, labels, keys, agreed, knobs)
    demanded = [name for name in absent if not agreed.columns[name].nullable]
    if demanded:
        why = "serve.log.omit keeps it out" if demanded[0] in knobs.serve.log.omit else "is it a feature?"
        raise PipelineError(
            f"column {demanded[0]}: has no value in the prediction log ({why}), and {schema.PATH} wants one in every "
            "row; log it, or let it be nullable"
        )
    key = knobs.data.key
    again = table[key].duplicated(keep="last") if key is not None else pd.Series(False, index=table.index)
    table = table[~again]
    breaks = check.broken_rows(table, agreed, knobs.task)
    bad = np.logical_or.reduce([np.zeros(len(table), dtype=bool), *(mask for _, mask in breaks)])
    return Assembled(
        kept=schema.typed(table[~bad], agreed),
        quarantined=_explained(table, breaks, bad),
        reasons=tuple(
            Reason(column=one.column, check=one.check, expected=one.expected, rows=int(mask.sum()))
            for one, mask in breaks
        ),
        absent=tuple(absent),
        repeated=int(again.sum()),
    )


def key_of(row: str, agreed: schema.ContractColumn) -> Any:
    """The key of a row whose labels bring none: its id, or where keys are whole numbers 63 bits of the id's SHA-256.

    PipelineError for keys of another type, which nothing can be derived for.
    """
    if agreed.type in ("text", "category"):
        return row
    if agreed.type == "integer":
        return int.from_bytes(hashlib.sha256(row.encode()).digest()[:8]) >> 1
    raise PipelineError(f"data.key: holds {agreed.type}; such keys can't be made up: give the labels the key's column")


def _as(column: schema.ContractColumn, key: str) -> Any:
    """A key that labels bring; whole numbers as such, since a column of text and numbers loses digits."""
    try:
        number = Decimal(key) if column.type == "integer" else None
    except ArithmeticError:
        return key
    whole = number is not None and number.is_finite() and abs(number) < 2**63 and number == int(number)
    return int(number) if number is not None and whole else key


def _table(
    rows: Sequence[Row], labels: Mapping[str, str], keys: Mapping[str, str] | None, agreed: Schema, knobs: Params
) -> tuple[pd.DataFrame, list[str]]:
    logged: Collection[str] = {name for row in rows for name, value in row.features.items() if value is not None}
    columns: dict[str, Any] = {}
    absent = []
    values: list[Any]
    for name, column in agreed.columns.items():
        if name == knobs.task.target:
            values = [labels[row.id] for row in rows]
        elif name == knobs.data.key:
            brought = keys or {}
            values = [_as(column, brought[row.id]) if row.id in brought else key_of(row.id, column) for row in rows]
        elif name == knobs.split.time and name not in logged:
            values = [row.time.replace(tzinfo=None) for row in rows]
        else:
            values = [row.features.get(name) for row in rows]
            absent += [name] if name not in logged else []
        columns[name] = pd.Series(values, index=[row.id for row in rows], dtype=None if rows else object)
    return pd.DataFrame(columns), absent


def _explained(table: pd.DataFrame, breaks: Sequence[tuple[check.Violation, Any]], bad: Any) -> pd.DataFrame:
    """The rows that break the contract as text, after a column that says why."""
    why = pd.Series("", index=table.index, dtype="str")
    for one, mask in breaks:
        said = f"{one.column}: {one.check} ({one.expected})"
        why[mask] = why[mask].where(why[mask] == "", why[mask] + "; ") + said
    texts = pd.DataFrame({name: conversion.labels(table[name][bad]) for name in table.columns}, index=table.index[bad])
    texts.insert(0, "reason", why[bad])
    return texts
