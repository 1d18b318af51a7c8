"""What each side of the split holds: rows, their period where time decides, and what test and training rows share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import params

SIDES = ("train", "validation", "test")
MANY_VALUES = 20  # with fewer, a column describes rows and names no groups of them
SHARED = 0.1  # share of the test rows from which a shared value is worth a warning


def describe(table: pd.DataFrame, side: "np.ndarray[Any, Any]", time: str | None) -> dict[str, dict[str, Any]]:
    """The rows of each side; in a split by `time` also the first and the last time, as text."""
    sides = {}
    for name in SIDES:
        rows = table[side == name]
        sides[name] = {"rows": len(rows)} | (period(rows[time]) if time else {})
    return sides


def period(times: "pd.Series[Any]") -> dict[str, str | None]:
    """The first and the last of the times as text; None where there is none."""
    ends = {"first": times.min(), "last": times.max()}
    return {name: str(end) if len(times) else None for name, end in ends.items()}


def shared(
    table: pd.DataFrame,
    side: "np.ndarray[Any, Any]",
    data: params.Data,
    task: params.TaskSection,
    exclude: Sequence[str],
) -> list[dict[str, Any]]:
    """Columns whose values stand on both sides of a split by hash, with the share of test rows that have such a
    value, and a sentence about it.

    Looked at are dates, and the columns of features.exclude, as an identifier of groups stands there.
    """
    dates = [name for name in table.columns if pd.api.types.is_datetime64_any_dtype(table[name])]
    columns = dict.fromkeys([*dates, *(name for name in exclude if name in table.columns)])
    is_train, is_test = side == "train", side == "test"
    warnings = []
    for name in columns:
        values = table[name].dropna()
        if name in (data.key, task.target) or values.nunique() < MANY_VALUES:
            continue
        share = float(table[name][is_test].isin(table[name][is_train].dropna().unique()).mean())
        if share >= SHARED:
            sentence = _sentence(str(name), share, name in dates)
            warnings.append({"column": str(name), "share": share, "sentence": sentence})
    return warnings


def _sentence(column: str, share: float, is_date: bool) -> str:
    remedy = f"split.time: {column} judges on the newest rows" if is_date else f"split.group: {column} keeps them apart"
    kind = "times" if is_date else "groups"
    return (
        f"{share:.1%} of the test rows have a value of {column} that training rows have as well: the metrics hold for "
        f"{kind} that the model knows, and flatter it where rows of one {column} are alike; {remedy}"
    )
