"""The identity of a row: its key, or without one a hash of its content. How a key is stored does not matter."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core.errors import PipelineError, listed
from pipeline.data.values import conversion
from pipeline.data.values.column_types import Type

CHUNK = 500_000  # rows hashed at a time: text takes much memory

Fractions = np.ndarray[tuple[int], np.dtype[np.float64]]
Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]


def names(table: pd.DataFrame, key: str | None) -> npt.NDArray[Any]:
    """The name of each row, as text (rows,): the key, or without one the row's hash and its count among equal rows."""
    if key is not None:
        if key not in table.columns:
            raise PipelineError(
                f"column {key}: the key (data.key in params.yaml) is no column of the test rows; run `make run`"
            )
        return conversion.labels(table[key]).to_numpy(str)
    hashes = pd.util.hash_pandas_object(table, index=False)
    occurrence = hashes.groupby(hashes).cumcount()
    return np.array([f"{value:016x}.{count}" for value, count in zip(hashes, occurrence, strict=True)])


def texts(column: "pd.Series[Any]", kind: Type) -> "pd.Series[Any]":
    """The text of each key as its declared type has it, so that 7, 7.0 and "007" are one whole number.

    A value of another type keeps its own text.
    """
    converted, wrong = conversion.convert(column, kind)
    return conversion.labels(converted).where(~wrong, conversion.labels(column))


def fractions(frame: pd.DataFrame, key: str | None, seed: int, knob: str = "data.key") -> Fractions:
    """A number from [0, 1) for each row, (rows,), that depends on the seed and the row's key (else its content).

    SipHash of the key's text, so that a key gives the same number whether it is stored as 7, 7.0 or "7". `knob`: the
    parameter that names the key.
    """
    if key is None:
        texts = pd.Series(content_hashes(frame)).astype("str")
    else:
        texts = conversion.labels(complete_column(frame, key, knob))
    # The 53 high bits, as many as a float has, so that no number is rounded up to 1.
    high = hashed(texts, f"{seed:016d}") >> np.uint64(11)
    return high.astype(np.float64) * 2.0**-53


def complete_column(frame: pd.DataFrame, name: str, knob: str) -> "pd.Series[Any]":
    """The column; PipelineError, with the parameter `knob` that names it, where the column or a value is missing."""
    if name not in frame.columns:
        raise PipelineError(f"{knob}: {name} is no column; columns: {listed(frame.columns)}")
    column = frame[name]
    if column.isna().any():
        rows = ", ".join(f"{row + 1:,}" for row in np.flatnonzero(column.isna())[:10])
        raise PipelineError(
            f"{knob}: {name} is missing in {int(column.isna().sum()):,} rows ({rows}); fill or remove them"
        )
    return column


def hashed(texts: "pd.Series[Any]", hash_key: str) -> Hashes:
    """SipHash of each text, (rows,), under a key of 16 characters."""
    parts = [
        pd.util.hash_array(texts.iloc[i : i + CHUNK].to_numpy(dtype=object), hash_key=hash_key, categorize=False)
        for i in range(0, len(texts), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def content_hashes(frame: pd.DataFrame, *, exact: bool = False) -> Hashes:
    """A hash of each row's content: columns by name, numbers as floats, so that neither order nor storage matters.

    `exact`: whole numbers that no float holds, and moments within one microsecond, differ too; the split tells neither.
    """
    content = np.zeros(len(frame), dtype=np.uint64)
    for name in sorted(map(str, frame.columns)):
        column = frame[name]
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # -0.0 becomes 0.0
            hashes = pd.util.hash_array(np.where(np.isnan(numbers), np.nan, numbers))
            if exact and pd.api.types.is_integer_dtype(column):
                _hash_texts(hashes, column, ((column > 2**53) | (column < -(2**53))).to_numpy(bool, na_value=False))
        elif pd.api.types.is_datetime64_any_dtype(column):
            hashes = pd.util.hash_array(column.to_numpy(dtype="datetime64[us]").view(np.int64))
            if exact and column.dt.unit == "ns":
                fine = column.to_numpy(dtype="datetime64[ns]").view(np.int64) % 1000 != 0
                _hash_texts(hashes, column, fine & column.notna().to_numpy(bool))
        else:
            hashes = hashed(conversion.labels(column).fillna("\0missing"), "content of a row")
        content = content * np.uint64(1_000_003) ^ hashes
    return content


def _hash_texts(hashes: Hashes, column: "pd.Series[Any]", chosen: npt.NDArray[np.bool_]) -> None:
    """Replace the chosen hashes by those of the values' texts."""
    if chosen.any():
        hashes[chosen] = hashed(conversion.labels(column[chosen]), "content of a row")
