"""Values of a CSV or Parquet column, converted to the type that the data contract declares: exactly, or not at all."""

import datetime
import re
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pipeline.data.values.column_types import Type
from pipeline.data.values.texts import labels as labels

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

TRUTH_VALUES = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "t": 1.0, "f": 0.0, "1": 1.0, "0": 0.0}
NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
# Dates are told to the microsecond. A text with more digits would make pandas hold nanoseconds, and those end in 2262.
FINER, MORE_DIGITS = r"[.,][0-9]{6}0*[1-9]", r"([.,][0-9]{6})0+"
FIRST_DAY, LAST_DAY = np.datetime64("0001-01-01", "D"), np.datetime64("9999-12-31", "D")  # that ISO 8601 can tell


def convert(values: "pd.Series[Any]", kind: Type) -> tuple["pd.Series[Any]", Mask]:
    """The values as `kind`, missing where one is not of this kind, and a mask of those; missing values are not in it.

    integer: int64, or Int64 where values are missing; number: float64, the nearest one; boolean: bool, or boolean where
    values are missing; category and text: str; date: datetime64[us] without zone, in UTC. Dates in text are ISO 8601.
    A whole number beyond 64 bits, a fraction or a date finer than a microsecond is not of its kind.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if kind in ("category", "text"):
        return labels(values), np.zeros(len(values), dtype=bool)
    converted = {"integer": _integers, "number": _numbers, "boolean": _booleans, "date": _dates}[kind](values)
    wrong = np.asarray(converted.isna() & values.notna())
    return converted, wrong


def _integers(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """As int64, or Int64 with what is no whole number of 64 bits missing (truth values and dates are none)."""
    if types.is_bool_dtype(values) or values.dtype.kind in "Mm":
        return _nothing(values, "Int64")
    if types.is_integer_dtype(values):
        fits = values <= np.iinfo(np.int64).max
        whole = values if fits.all() else values.astype("UInt64").where(fits)
    elif types.is_float_dtype(values):
        values = values.astype("float64")  # a float of 16 bits can't be compared with 2**63
        whole = values.where((values % 1 == 0) & (values >= -(2.0**63)) & (values < 2.0**63))
    else:
        whole = _whole_texts(values)
    whole = whole.astype("Int64")
    return whole if whole.isna().any() else whole.astype("int64")


def _whole_texts(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Text or objects as whole numbers; pandas itself makes floats of them where one is missing or is none."""
    if isinstance(values.dtype, pd.StringDtype):
        numbers = pd.to_numeric(values.dropna(), errors="coerce")
        if numbers.dtype == np.int64:
            whole = _nothing(values, "Int64")
            whole[values.notna().to_numpy()] = numbers.to_numpy()
            return whole
    return pd.Series([_whole(value) for value in values], index=values.index, name=values.name, dtype="Int64")


def _whole(value: Any) -> int | None:
    """A value as a whole number of 64 bits, None where it is none."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, str) and not NUMBER.fullmatch(value)):
        return None
    if not isinstance(value, str | Integral | Decimal | float | np.floating):
        return None
    plain: Any = int(value) if isinstance(value, Integral) else value
    number = Decimal(plain.strip() if isinstance(plain, str) else plain)
    fits = number.is_finite() and -(2**63) <= number < 2**63 and number == number.to_integral_value()
    return int(number) if fits else None


def _numbers(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """As float64; missing where a value is not a finite number (truth values and dates are not)."""
    if types.is_bool_dtype(values) or values.dtype.kind in "Mm":
        return _nothing(values, "float64")
    if types.is_numeric_dtype(values):
        numbers = values.astype("float64")
    else:  # not pandas.to_numeric: its last digit is wrong in three texts of ten
        floats = [_float(value) for value in values]
        numbers = pd.Series(floats, index=values.index, name=values.name, dtype="float64")
    finite = np.isfinite(numbers)
    return numbers if finite.all() else numbers.where(finite)


def _float(value: Any) -> float:
    """The nearest float; NaN where a value is no number, infinity where it is too large."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, str) and not NUMBER.fullmatch(value)):
        return np.nan
    try:
        return float(value) if isinstance(value, str | Real | Decimal) else np.nan
    except OverflowError:
        return np.inf


def _booleans(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """As bool, or boolean with what is neither true nor false missing."""
    if values.dtype.kind in "Mm":
        return _nothing(values, "boolean")
    if types.is_bool_dtype(values) or types.is_numeric_dtype(values):
        numbers = values.astype("float64")
    else:
        numbers = labels(values).str.lower().map(TRUTH_VALUES).astype("float64")
    fits = numbers.isin([0, 1])
    return numbers.astype(bool) if fits.all() else numbers.where(fits).astype("boolean")


def _dates(values: "pd.Series[Any]") -> "pd.Series[Any]":
    if types.is_numeric_dtype(values) or values.dtype.kind == "m":  # days or seconds, of an unknown origin
        return _nothing(values, "datetime64[us]")
    if types.is_datetime64_any_dtype(values):
        return _microseconds(values.dt.tz_convert(None) if values.dt.tz is not None else values)
    texts = pd.Series([_date_text(value) for value in values], index=values.index, name=values.name, dtype="str")
    texts = texts.mask(texts.str.contains(FINER, na=False)).str.replace(MORE_DIGITS, r"\1", regex=True)
    return _microseconds(pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601").dt.tz_convert(None))


def _date_text(value: Any) -> str | None:
    if isinstance(value, datetime.date):  # a datetime is a date, too
        return value.isoformat()
    return value if isinstance(value, str) else None


def _microseconds(dates: "pd.Series[Any]") -> "pd.Series[Any]":
    """Naive dates to the microsecond, missing where that would change one, or where its year has not four digits."""
    days = dates.to_numpy().astype("datetime64[D]")
    fits = (days >= FIRST_DAY) & (days <= LAST_DAY)
    if dates.dt.unit == "ns":
        fits &= dates.to_numpy().view(np.int64) % 1000 == 0
    told: pd.Series[Any] = dates.where(fits).dt.as_unit("us")
    return told


def _nothing(values: "pd.Series[Any]", dtype: str) -> "pd.Series[Any]":
    return pd.Series([None] * len(values), index=values.index, name=values.name, dtype=dtype)
