"""Logged rows and their labels as a table in the data contract's form, and which of them break the contract."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract import check, schema, widening
from pipeline.data.contract.schema import Schema
from pipeline.data.values import keys as identity
from pipeline.watch.retrain import quarantine, reasons
from pipeline.watch.retrain.logged import Row
from pipeline.watch.retrain.outcome import Reason


@dataclass(frozen=True)
class Assembled:
    """Rows that meet the contract, in its types, and those that break it, as text with a reason; the index is the id.

    `absent`: columns of the contract that have no value in any row; `repeated`: rows whose key a later row has too;
    `before`: rows that break the contract and are in quarantine already, which neither table nor reason counts;
    `returned`: rows that were in quarantine and are accepted now.
    """

    accepted: pd.DataFrame
    quarantined: pd.DataFrame
    reasons: tuple[Reason, ...]
    absent: tuple[str, ...]
    repeated: int
    before: int
    returned: int


def assemble(
    rows: Sequence[Row],
    labels: Mapping[str, str],
    keys: Mapping[str, str] | None,
    contract: Schema,
    settings: Params,
    quarantined: Collection[str] = (),
) -> Assembled:
    """The rows in the order of their times; `quarantined`: ids of rows that were quarantined before.

    PipelineError where no row has a value of a required column that the log leaves out.
    """
    ordered = sorted(rows, key=lambda row: (row.time, row.id))
    table, absent = _table(ordered, labels, keys, contract, settings)
    _check_never_logged(absent if rows else (), contract, settings)
    key = settings.data.key
    repeated = pd.Series(False, index=table.index)
    if key is not None:
        repeated = identity.texts(table[key], contract.columns[key].type).duplicated(keep="last")
    table = table[~repeated]
    broken = check.broken_rows(table, contract, settings.task)
    invalid = np.logical_or.reduce([np.zeros(len(table), dtype=bool), *(mask for _, mask in broken)])
    former = table.index.isin(list(quarantined))
    fresh = invalid & ~former
    counted = [(violation, mask & fresh) for violation, mask in broken if (mask & fresh).any()]
    return Assembled(
        accepted=schema.typed(table[~invalid], contract),
        quarantined=quarantine.explained(table, counted, fresh),
        reasons=tuple(reasons.reason(table, pair, contract, settings.task) for pair in counted),
        absent=tuple(absent),
        repeated=int(repeated.sum()),
        before=int((invalid & former).sum()),
        returned=int((~invalid & former).sum()),
    )


def _check_never_logged(absent: Sequence[str], contract: Schema, settings: Params) -> None:
    excluded, omitted = (
        [name for name in names if name in absent] for names in (settings.features.exclude, settings.serve.log.omit)
    )
    if lines := widening.unlogged(contract, excluded, omitted, ()):
        raise PipelineError("\n".join(lines))


def derive_key(row: str, column: schema.ContractColumn) -> Any:
    """A key for a row without one in the labels: its id, or 63 bits of the id's SHA-256 where keys are whole numbers.

    PipelineError for keys of another type, which can't be derived.
    """
    if column.type in ("text", "category"):
        return row
    if column.type == "integer":
        return int.from_bytes(hashlib.sha256(row.encode()).digest()[:8]) >> 1
    raise PipelineError(
        f"data.key: is a column of type {column.type}, of which no value can be made from a row's id; add the key's "
        "column to the labels"
    )


def _table(
    rows: Sequence[Row], labels: Mapping[str, str], keys: Mapping[str, str] | None, contract: Schema, settings: Params
) -> tuple[pd.DataFrame, list[str]]:
    logged: Collection[str] = {name for row in rows for name, value in row.features.items() if value is not None}
    columns: dict[str, Any] = {}
    absent = []
    values: list[Any]
    for name, column in contract.columns.items():
        if name == settings.task.target:
            values = [labels[row.id] for row in rows]
        elif name == settings.data.key:
            from_labels = keys or {}
            values = [from_labels[row.id] if row.id in from_labels else derive_key(row.id, column) for row in rows]
        elif name == settings.split.time:
            values = [_value(row, name, row.time.replace(tzinfo=None)) for row in rows]
        else:
            values = [row.features.get(name) for row in rows]
            absent += [name] if name not in logged else []
        columns[name] = pd.Series(
            values, index=[row.id for row in rows], dtype=object if column.type == "integer" or not rows else None
        )
    return pd.DataFrame(columns), absent


def _value(row: Row, name: str, otherwise: Any) -> Any:
    value = row.features.get(name)
    return otherwise if value is None else value
