"""Columns of the data contract as functions get them, and rows made from it, to check feature code without data."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pipeline.data.contract.schema import ContractColumn, Schema
from pipeline.features.values import Array, Input, Kind

MISSING = 0.1  # share of the rows without a value, where the contract allows it
SPECIAL = 20  # of so many numbers one is the lower bound, one the upper bound, one is 0
UNBOUNDED = 1_000.0  # a number without bounds lies between minus this and this
TEXTS = ("", " ", "a", "Ångström", "semi;colon", "12", "a longer text, of several words", "日本")
KINDS: dict[str, Kind] = {  # of the contract's types
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "category": "text",
    "text": "text",
    "date": "date",
}
FIRST, LAST = datetime.date(1970, 1, 1), datetime.date(2038, 1, 19)


def inputs_of(contract: Schema, names: Iterable[str]) -> dict[str, Input]:
    """The columns of these names as functions get them."""
    columns = ((name, contract.columns[name]) for name in names)
    return {name: Input(KINDS[column.type], column.nullable) for name, column in columns}


def make(contract: Schema, inputs: Mapping[str, Input], rows: int, seed: int = 0) -> dict[str, Array]:
    """Columns of made rows, read-only, (rows,) each: of each column's type and within its bounds."""
    rng = np.random.default_rng(seed)
    made = dict[str, Array]()
    for name, column in inputs.items():
        values = _values(contract.columns[name], rows, rng).astype(column.dtype)
        if column.nullable:
            missing: Any = {"text": None, "date": np.datetime64("NaT")}.get(column.kind, np.nan)
            values[rng.random(rows) < MISSING] = missing
        values.flags.writeable = False
        made[name] = values
    return made


def _values(column: ContractColumn, rows: int, rng: np.random.Generator) -> Array:
    if column.allowed is not None or column.type in ("category", "text"):
        choices = np.array(column.allowed if column.allowed is not None else TEXTS, dtype=object)
        return choices[rng.integers(len(choices), size=rows)]
    if column.type == "boolean":
        return rng.random(rows) < 0.5
    if column.type == "date":
        low, high = (_day(bound, other) for bound, other in ((column.min, FIRST), (column.max, LAST)))
        seconds = rng.integers(0, max(int((high - low) / np.timedelta64(1, "s")), 1), size=rows)
        return low + seconds.astype("timedelta64[s]")
    return _numbers(column, rows, rng)


def _numbers(column: ContractColumn, rows: int, rng: np.random.Generator) -> Array:
    """Numbers within the bounds, the bounds themselves and 0 among them."""
    low = float(column.min) if isinstance(column.min, int | float) else None
    high = float(column.max) if isinstance(column.max, int | float) else None
    bottom = low if low is not None else min(-UNBOUNDED, (high or 0.0) - UNBOUNDED)
    top = high if high is not None else max(UNBOUNDED, bottom + UNBOUNDED)
    values = rng.uniform(bottom, top, rows)
    drawn = rng.integers(SPECIAL, size=rows)
    for place, special in enumerate(value for value in (bottom, top, 0.0) if bottom <= value <= top):
        values[drawn == place] = special
    return np.round(values) if column.type == "integer" else values


def _day(bound: Any, other: datetime.date) -> np.datetime64:
    return np.datetime64(bound if isinstance(bound, datetime.date) else other, "us")
