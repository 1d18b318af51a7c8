"""Columns that say when a row is from: they drift by construction, whatever happens in production."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api import types

Part = Literal["time", "year", "quarter", "month", "week", "day of year", "day of month", "weekday"]
AGREE = 0.7  # share of the rows in which a column must equal the part: it may be of another time zone
ENOUGH = 3  # distinct values of a part: two would fit too many columns ...
ALL = 0.99  # ... that do not equal it in nearly all rows
NAMES: dict[str, tuple[str, ...]] = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "weekday": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
}


def calendar_columns(table: pd.DataFrame, time: str | None) -> dict[str, Part]:
    """The columns that hold a part of the date column `time`, or the same time, and which part. Empty where `time` is
    no date.

    A number is a part where it equals it but for a constant (weekdays from 0 or 1, years in two digits), a text where
    it is its English name, in full or its first three letters. The hour is none: each day has all of them.
    """
    if time is None or not types.is_datetime64_any_dtype(table[time]):
        return {}
    moments = pd.to_datetime(table[time], utc=True)
    parts = {name: part for name, part in _parts(moments).items() if _distinct(part) > 1}
    columns = {str(name): _part(table[name], moments, parts) for name in table.columns if name != time}
    return {name: part for name, part in columns.items() if part}


def sentence(columns: Mapping[str, Part], time: str) -> str:
    """Which columns the calendar moves, for a person."""
    listed = ", ".join(f"{name} ({part})" for name, part in columns.items())
    return (
        f"parts of {time}, which drift by construction: {listed}; drift leaves them out unless drift.calendar is true"
    )


def _parts(moments: "pd.Series[Any]") -> dict[Part, Any]:
    """Each part of the times as numbers (rows,), NaN where the time is missing."""
    calendar = moments.dt
    weeks = calendar.isocalendar()["week"]
    parts: dict[Part, Any] = {
        "year": calendar.year,
        "quarter": calendar.quarter,
        "month": calendar.month,
        "week": weeks,
        "day of year": calendar.dayofyear,
        "day of month": calendar.day,
        "weekday": calendar.dayofweek,
    }
    return {name: part.to_numpy(dtype=float, na_value=np.nan) for name, part in parts.items()}


def _part(column: "pd.Series[Any]", moments: "pd.Series[Any]", parts: Mapping[Part, Any]) -> Part | None:
    if types.is_datetime64_any_dtype(column):
        days = (pd.to_datetime(column, utc=True) - moments).abs() <= pd.Timedelta(days=1)
        return "time" if days.mean() >= AGREE else None
    agreement = dict[Part, float]()
    for name, part in parts.items():
        values = _numbers(column, name)
        gaps, counts = np.unique((values - part)[~(np.isnan(values) | np.isnan(part))], return_counts=True)
        share = counts.max(initial=0) / max(1, len(column))
        if share >= (AGREE if _distinct(part) >= ENOUGH else ALL) and _usual(name, gaps[counts.argmax()]):
            agreement[name] = share
    # In January the day of the month is that of the year, too: the part that agrees most.
    return max(agreement.items(), key=lambda item: item[1])[0] if agreement else None


def _distinct(part: Any) -> int:
    return len(np.unique(part[~np.isnan(part)]))


def _usual(part: Part, gap: float) -> bool:
    """Whether a part is counted from there: from 0 or 1, a year also within its century."""
    return gap in ((0, -1900, -2000) if part == "year" else (-1, 0, 1))


def _numbers(column: "pd.Series[Any]", part: Part) -> Any:
    """The column's values as numbers of the part, NaN where they are none."""
    if types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    texts = column.astype("str").str.strip().str.lower()
    places = {name: place + (part == "month") for place, name in enumerate(NAMES.get(part, ()))}
    named = texts.str[:3].map(places)
    return named.fillna(pd.to_numeric(texts, errors="coerce")).to_numpy(dtype=float, na_value=np.nan)
