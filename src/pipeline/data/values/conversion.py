"""Values of a CSV or Parquet column, converted to the type that the data contract declares."""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pipeline.data.values.column_types import Type

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

TRUTH_VALUES = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "t": 1.0, "f": 0.0, "1": 1.0, "0": 0.0}


def convert(values: "pd.Series[Any]", kind: Type) -> tuple["pd.Series[Any]", Mask]:
    """The values as `kind`, missing where one is not of this kind, and a mask of those; missing values are not in it.

    integer: int64, or float64 where values are missing; number: float64; boolean: bool, or boolean where values are
    missing; category and text: str; date: datetime64[us] without zone, in UTC. Dates in text are ISO 8601.
    """
    if kind in ("category", "text"):
        return labels(values), np.zeros(len(values), dtype=bool)
    if kind == "date":
        converted = _dates(values)
    else:
        numbers = _booleans(values) if kind == "boolean" else _numbers(values)
        converted = _cast(kind, numbers)
    wrong = np.asarray(converted.isna() & values.notna())
    return converted, wrong


def labels(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """The values as text (str), the same text however they are stored: 1, 1.0 and "1" are "1", true is "true"."""
    if isinstance(values.dtype, pd.StringDtype):
        return values.astype("str")
    if types.is_bool_dtype(values) or _holds_only(values, "boolean"):
        return values.map({True: "true", False: "false"}).astype("str")
    if types.is_float_dtype(values):
        whole = (values % 1 == 0) & (values.abs() < 2**53)
        if bool((whole | values.isna()).all()):
            return values.astype("Int64").astype("str")
        texts = values.astype("str")
        return texts.where(~whole, values.where(whole).astype("Int64").astype("str"))
    if isinstance(values.dtype, pd.CategoricalDtype):
        return labels(values.astype(object))
    return _mixed(values) if values.dtype == object else values.astype("str")


def _mixed(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Labels of a column that may hold whole floats among other values."""
    plain = [int(value) if _is_whole(value) else value for value in values]
    return pd.Series(plain, index=values.index, name=values.name, dtype=object).astype("str")


def _is_whole(value: Any) -> bool:
    return isinstance(value, float | np.floating) and float(value).is_integer() and abs(float(value)) < 2**53


def _cast(kind: Type, numbers: "pd.Series[Any]") -> "pd.Series[Any]":
    """Float64 or integer numbers as `kind`, missing where a number is not of this kind."""
    if kind == "number" or types.is_integer_dtype(numbers):
        return numbers.astype("float64" if kind == "number" else "int64")
    if kind == "boolean":
        fits = numbers.isin([0, 1])
        return numbers.astype(bool) if fits.all() else numbers.where(fits).astype("boolean")
    fits = numbers % 1 == 0
    return numbers.astype("int64") if fits.all() else numbers.where(fits)


def _numbers(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """As int64 or float64; missing where a value is not a finite number (truth values and dates are not)."""
    if types.is_bool_dtype(values) or types.is_datetime64_any_dtype(values) or _holds_only(values, "boolean"):
        return pd.Series(np.nan, index=values.index, name=values.name, dtype="float64")
    numbers = values if types.is_numeric_dtype(values) else pd.to_numeric(values, errors="coerce")
    if types.is_integer_dtype(numbers) and not numbers.isna().any():
        return numbers.astype("int64")
    numbers = numbers.astype("float64")
    finite = np.isfinite(numbers)
    return numbers if finite.all() else numbers.where(finite)


def _booleans(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """As 1.0 and 0.0; missing where a value is neither true nor false."""
    if types.is_bool_dtype(values) or types.is_numeric_dtype(values):
        return values.astype("float64")
    if types.is_datetime64_any_dtype(values):
        return pd.Series(np.nan, index=values.index, name=values.name, dtype="float64")
    return labels(values).str.lower().map(TRUTH_VALUES).astype("float64")


def _dates(values: "pd.Series[Any]") -> "pd.Series[Any]":
    if types.is_numeric_dtype(values) or _holds_only(values, "boolean"):  # days or seconds, of an unknown origin
        return pd.Series(pd.NaT, index=values.index, name=values.name, dtype="datetime64[us]")
    if not types.is_datetime64_any_dtype(values):
        options: Any = {} if _holds_only(values, "date", "datetime") else {"format": "ISO8601"}
        values = pd.to_datetime(values, errors="coerce", utc=True, **options)
    naive = values.dt.tz_convert(None) if values.dt.tz is not None else values
    dates: pd.Series[Any] = naive.dt.as_unit("us")
    return dates


def _holds_only(values: "pd.Series[Any]", *kinds: str) -> bool:
    """Whether an object column holds nothing but these kinds (as pandas names them) and missing values."""
    return values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in kinds
