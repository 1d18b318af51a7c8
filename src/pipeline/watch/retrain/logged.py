"""Reads the rows of the prediction log with given ids as the monitor reads them, whatever the size of the log."""

import time
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.core.params import Params
from pipeline.data.contract.schema import Schema
from pipeline.data.values.column_types import Type
from pipeline.models.signature import Feature, Signature
from pipeline.predictions import logs, periods
from pipeline.predictions.damage import Damage
from pipeline.predictions.rows import FIELDS

KINDS: dict[Type, Literal["number", "boolean", "category", "date"]] = {
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "category": "category",
    "text": "category",
    "date": "date",
}


@dataclass(frozen=True)
class Row:
    """A row that the service answered: when (UTC), and the features that were sent; None for the others."""

    id: str
    time: datetime
    features: dict[str, Any]


@dataclass
class LoggedRows:
    """The selected rows by id, the number of rows that were read, and what could not be read."""

    rows: dict[str, Row] = field(default_factory=dict)
    read: int = 0
    damage: Damage = field(default_factory=Damage)


def read(
    log: str,
    ids: Container[str],
    since: datetime | None,
    contract: Schema,
    settings: Params,
    progress: Callable[[str], None],
) -> LoggedRows:
    """The rows from `since` on with these ids, of two with one id the earlier; `progress` is called with lines.

    InputUnreadableError.
    """
    selected, signature = LoggedRows(), _signature(contract, settings)
    files = logs.find(log, since, datetime.now(UTC))
    low = periods.micros(since) if since else 0
    names = signature.columns
    for rows in files.rows(signature, selected.damage, _reporter(len(files.files), selected, progress), exact=True):
        selected.read += len(rows.ids)
        positions = [place for place, row in enumerate(rows.ids) if row in ids and rows.times[place] >= low]
        for fields in rows.take(positions):
            row, moment, features = fields[0], periods.moment(fields[1]), fields[len(FIELDS) :]
            if row not in selected.rows or moment < selected.rows[row].time:
                selected.rows[row] = Row(row, moment, dict(zip(names, features, strict=True)))
    return selected


def _signature(contract: Schema, settings: Params) -> Signature:
    """The contract's columns in the form that the log's reader takes: retraining needs no model."""
    columns = {
        name: column
        for name, column in contract.columns.items()
        if name not in {settings.task.target, settings.data.key}
    }
    return Signature(
        task=settings.task.type,
        target=settings.task.target,
        key=settings.data.key,
        positive=settings.task.positive,
        classes=(),
        threshold=None,
        quantile=settings.train.quantile,
        features=tuple(
            Feature(name=name, source=name, kind=KINDS[column.type], nullable=True) for name, column in columns.items()
        ),
        split=settings.split,
        device="cpu",
    )


def _reporter(files: int, selected: LoggedRows, progress: Callable[[str], None]) -> logs.Progress:
    """Reports progress in a line every other second."""
    last = [time.monotonic()]

    def report(started: int, size: int, rows: int) -> None:
        if time.monotonic() - last[0] > 2:
            last[0] = time.monotonic()
            progress(f"file {started:,} of {files:,}: {rows:,} rows, {len(selected.rows):,} have a label")

    return report
