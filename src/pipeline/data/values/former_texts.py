"""The texts that format 1 gave to values, where they depended on the values beside them.

A column of moments was written as finely as its finest moment; a whole number of more than 63 bits could be rounded;
some words in CSV files were missing values; text of which a CSV file's whole column looked like numbers, truth values
or moments was written as these are (007 as 7). What a model's own column held then is not known, so every text that it
can have given is tried. Format 2 is that of texts.py.
"""

import contextlib
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pandas as pd

from pipeline.data.values.texts import labels

DAY, SECOND = 0, 1
DIGITS = (0, 0, 3, 6, 9)  # of a second, by fineness: to the day, the second, the ms, the µs, the ns
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)( \d\d:\d\d:\d\d)?(?:\.(\d{3}|\d{6}|\d{9}))?", re.ASCII)
LONG = re.compile(r"-?[0-9]{16,20}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
CSV_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)
# A text of format 2 or of format 1 that may be another one in the other.
DIFFERENT = r"\d{4}-\d\d-\d\d|-?\d{16,}(\.0)?$|-?[\d.]+e\+\d+$"
# What pyarrow reads as missing in a CSV file.
WORDS = {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "N/A", "NA", "NULL"}
WORDS |= {"NaN", "n/a", "nan", "null"}


def differ(column: "pd.Series[Any]", *, words: bool = False) -> bool:
    """Whether a value may have had another text; `words`: or have been missing."""
    if not isinstance(column.dtype, pd.StringDtype):
        return bool(pd.api.types.is_datetime64_any_dtype(column))
    distinct = pd.Series(column.dropna().unique(), dtype="str")
    different = distinct.str.match(DIFFERENT).any() or any(as_value(text) != text for text in distinct)
    return bool(different or (words and distinct.isin(WORDS).any()))


def fineness(texts: "pd.Series[Any]") -> int:
    """That of the finest moment among texts of format 2; DAY where there is none."""
    matches = [MOMENT.fullmatch(one) for text in texts.dropna().unique() for one in (text, as_value(text))]
    return max((_fineness(match) for match in matches if match), default=DAY)


def tables(frame: pd.DataFrame, finest: int, *, words: bool) -> Iterator[pd.DataFrame]:
    """The table with each text of its text columns that format 1 can have given; all columns change in the same way.

    `finest`: the fineness of moments that the columns held elsewhere; `words`: try missing values, too.
    """
    texts = [name for name in frame.columns if isinstance(frame[name].dtype, pd.StringDtype)]
    values = {value for name in texts for value in frame[name].dropna().unique()}
    finest = max([finest, *(fineness(frame[name]) for name in texts)])
    as_values = {value: as_value(value) for value in values}
    moments = range(finest + 1) if any(map(MOMENT.fullmatch, [*values, *as_values.values()])) else range(1)
    read = (False, True) if any(text != value for value, text in as_values.items()) else (False,)
    rounded = (False, True) if any(_is_long(value, 63) for value in values) else (False,)
    missing = (False, True) if words and values & WORDS else (False,)
    for fine, rounds, blank, is_read in product(moments, rounded, missing, read):
        former = frame.copy(deep=False)
        for name in texts:
            former_texts = {
                value: _text(as_values[value] if is_read else value, fine, rounds, blank)
                for value in frame[name].dropna().unique()
            }
            former[name] = frame[name].map(former_texts).astype("str")
        yield former


def alternatives(text: str) -> list[str]:
    """Every text that format 1 can have given to the value of this text."""
    texts = {str(_text(one, fine, False, False)): None for one in (text, as_value(text)) for fine in range(len(DIGITS))}
    return [*texts, *([repr(float(text))] if _is_long(text, 53) else [])]


def as_value(text: str) -> str:
    """The text of the number, truth value or moment that this is in a CSV file; any other text as it is."""
    bare = text.strip(" \t")
    if HEXADECIMAL.fullmatch(bare):
        return str(int(bare, 16))
    if LONG.fullmatch(bare):
        return str(int(bare))
    if NUMBER.fullmatch(bare):
        number = float(bare)
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else str(number)
    if bare.lower() in ("true", "false"):
        return bare.lower()
    if CSV_MOMENT.fullmatch(bare):
        with contextlib.suppress(ValueError):  # such as the 31st of February
            moment = pd.Timestamp(bare)
            plain = moment.tz_convert("UTC") if moment.tz is not None else moment
            return str(labels(pd.Series([plain])).iloc[0])
    return text


def of_dates(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Dates as their texts; any other column as it is."""
    return labels(column) if pd.api.types.is_datetime64_any_dtype(column) else column


def _text(text: str, fine: int, rounds: bool, blank: bool) -> str | None:
    if blank and text in WORDS:
        return None
    if rounds and _is_long(text, 63):
        return repr(float(text))
    match = MOMENT.fullmatch(text)
    if match is None:
        return text
    fine = max(fine, _fineness(match))
    day, time, fraction = match.groups(default="")
    if fine == DAY:
        return text
    digits = fraction.ljust(DIGITS[fine], "0")
    return f"{day}{time or ' 00:00:00'}{'.' + digits if digits else ''}"


def _fineness(match: "re.Match[str]") -> int:
    _, time, fraction = match.groups()
    return DIGITS.index(len(fraction)) if fraction else SECOND if time else DAY


def _is_long(text: str, bits: int) -> bool:
    return LONG.fullmatch(text) is not None and abs(int(text)) >= 2**bits
