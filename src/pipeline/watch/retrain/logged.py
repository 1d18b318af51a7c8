"""Rows of the prediction log that somebody wants, by the monitor's own reading of it, whatever the size of the log."""

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
from pipeline.predictions.rows import TOLD

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
    """A row that the service answered: when (UTC), and the features that it was sent; what was not is None."""

    id: str
    time: datetime
    features: dict[str, Any]


@dataclass
class Found:
    """The wanted rows by id, how many rows were looked at, and what could not be read."""

    rows: dict[str, Row] = field(default_factory=dict)
    read: int = 0
    damage: Damage = field(default_factory=Damage)


def read(
    log: str,
    wanted: Container[str],
    since: datetime | None,
    agreed: Schema,
    knobs: Params,
    heard: Callable[[str], None],
) -> Found:
    """The rows from `since` on whose id is `wanted`; of two with one id the earlier; `heard` gets lines.

    InputUnreadableError.
    """
    found, shape = Found(), _shape(agreed, knobs)
    files = logs.find(log, since, datetime.now(UTC))
    low = periods.micros(since) if since else 0
    names = list(dict.fromkeys(feature.source for feature in shape.features))
    for rows in files.rows(shape, found.damage, _shown(len(files.files), found, heard)):
        found.read += len(rows.ids)
        places = [at for at, row in enumerate(rows.ids) if row in wanted and rows.times[at] >= low]
        for told in rows.take(places):
            row, moment, features = told[0], periods.moment(told[1]), told[len(TOLD) :]
            if row not in found.rows or moment < found.rows[row].time:
                found.rows[row] = Row(row, moment, dict(zip(names, features, strict=True)))
    return found


def _shape(agreed: Schema, knobs: Params) -> Signature:
    """The contract's columns as the log's reader wants them: no model is needed to learn from the log."""
    told = {name: column for name, column in agreed.columns.items() if name not in {knobs.task.target, knobs.data.key}}
    return Signature(
        task=knobs.task.type,
        target=knobs.task.target,
        key=knobs.data.key,
        positive=knobs.task.positive,
        classes=(),
        threshold=None,
        quantile=knobs.train.quantile,
        features=tuple(
            Feature(name=name, source=name, kind=KINDS[column.type], nullable=True) for name, column in told.items()
        ),
        split=knobs.split,
        device="cpu",
    )


def _shown(files: int, found: Found, heard: Callable[[str], None]) -> logs.Progress:
    """A line every other second."""
    last = [time.monotonic()]

    def show(begun: int, size: int, rows: int) -> None:
        if time.monotonic() - last[0] > 2:
            last[0] = time.monotonic()
            heard(f"file {begun:,} of {files:,}: {rows:,} rows, {len(found.rows):,} have a label")

    return show
