"""The text of a value, as a key, a category and a class have it. It depends on the value alone, never on its column."""

import datetime
import re
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

# Steps of a moment or duration, in seconds: it is written as finely as it is itself, to the day, second, ms, µs or ns.
STEPS = (86_400, 1, 1e-3, 1e-6, 1e-9)
SHORT_YEAR = re.compile(r"^\d{1,3}-(?=\d\d-\d\d)")
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # in a second


def labels(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """The values as text (str), the same text however they are stored: 1, 1.0 and "1" are "1", true is "true".

    A moment at midnight is its date, any other has its time: "2024-01-01", "2024-01-01 12:30:00".
    """
    if isinstance(values.dtype, pd.StringDtype):
        return values.astype("str")
    if isinstance(values.dtype, pd.CategoricalDtype):
        return labels(values.astype(object))
    if types.is_bool_dtype(values):
        return values.map({True: "true", False: "false"}).astype("str")
    if types.is_float_dtype(values):
        return _floats(values)
    if values.dtype.kind in "Mm" and getattr(values.dtype, "tz", None) is None:
        return _moments(values)
    if values.dtype == object:
        present = values.notna()
        texts = [_text(value) if known else None for value, known in zip(values, present, strict=True)]
        return pd.Series(texts, index=values.index, name=values.name, dtype="str")
    return values.astype("str")


def _floats(values: "pd.Series[Any]") -> "pd.Series[Any]":
    whole = (values % 1 == 0) & (values.astype("float64").abs() < 2**53)
    if bool((whole | values.isna()).all()):
        return values.astype("Int64").astype("str")
    texts = values.astype("str")
    return texts.where(~whole, values.where(whole).astype("Int64").astype("str"))


def _moments(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Naive moments or durations: pandas writes a column as finely as its finest value, so each fineness by itself."""
    texts = pd.Series(None, index=values.index, name=values.name, dtype=object)
    ticks, left = values.to_numpy().view(np.int64), values.notna().to_numpy(bool)
    for step in STEPS:
        chosen = left & (ticks % max(1, round(step * TICKS[values.dt.unit])) == 0)
        if chosen.any():
            texts.iloc[chosen] = values.iloc[chosen].astype("str").to_numpy(object)
            left = left & ~chosen
    # Pandas writes the year 999 with three digits.
    return texts.astype("str").str.replace(SHORT_YEAR, lambda match: match[0].zfill(5), regex=True)


def _text(value: Any) -> str:
    """The text of a value in a column of several kinds."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer() and abs(float(value)) < 2**53:
        return str(int(value))
    if isinstance(value, datetime.date) and getattr(value, "tzinfo", None) is None:  # a datetime is a date, too
        return str(_moments(pd.Series([pd.Timestamp(value)]))[0])
    return str(value)
