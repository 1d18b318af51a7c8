"""The texts that format 1 gave to values, where they depended on the values beside them.

A column of moments was written as finely as its finest moment; a whole number of more than 63 bits could be rounded;
some words in CSV files were missing values. What a model's own column held then is not known, so every text that it
can have given is tried. Format 2 is that of texts.py.
"""

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
    return bool(distinct.str.match(DIFFERENT).any() or (words and distinct.isin(WORDS).any()))


def fineness(texts: "pd.Series[Any]") -> int:
    """That of the finest moment among texts of format 2; DAY where there is none."""
    matches = [MOMENT.fullmatch(text) for text in texts.dropna().unique()]
    return max((_fineness(match) for match in matches if match), default=DAY)


def tables(frame: pd.DataFrame, finest: int, *, words: bool) -> Iterator[pd.DataFrame]:
    """The table with each text of its text columns that format 1 can have given; all columns change in the same way.

    `finest`: the fineness of moments that the columns held elsewhere; `words`: try missing values, too.
    """
    texts = [name for name in frame.columns if isinstance(frame[name].dtype, pd.StringDtype)]
    values = {value for name in texts for value in frame[name].dropna().unique()}
    finest = max([finest, *(fineness(frame[name]) for name in texts)])
    moments = range(finest + 1) if any(map(MOMENT.fullmatch, values)) else range(1)
    rounded = (False, True) if any(_is_long(value, 63) for value in values) else (False,)
    missing = (False, True) if words and values & WORDS else (False,)
    for fine, rounds, blank in product(moments, rounded, missing):
        former = frame.copy(deep=False)
        for name in texts:
            former_texts = {value: _text(value, fine, rounds, blank) for value in frame[name].dropna().unique()}
            former[name] = frame[name].map(former_texts).astype("str")
        yield former


def alternatives(text: str) -> list[str]:
    """Every text that format 1 can have given to the value of this text."""
    texts = {str(_text(text, fine, False, False)): None for fine in range(len(DIGITS))}
    return [*texts, *([repr(float(text))] if _is_long(text, 53) else [])]


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
