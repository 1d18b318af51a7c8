"""Rows of the log as they are counted and sampled, the same for every file format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Times = np.ndarray[tuple[int], np.dtype[np.int64]]

# The fields that `take` returns of a row, before the signature's columns in their order.
FIELDS = ("id", "time", "release", "score", "label")


@dataclass(frozen=True)
class Rows:
    """Some rows of a file. Times are microseconds since 1970, UTC; latencies are milliseconds.

    `lines` are the rows' places in the file, counted from 1. `flags`: (position, "missing" or "unseen", column), as
    the service flagged. `take` returns the rows at some positions as tuples: FIELDS, then the signature's columns.
    """

    file: str
    lines: Sequence[int]
    ids: Sequence[str]
    times: Times
    releases: Sequence[str]
    latencies: Numbers
    flags: Sequence[tuple[int, str, str]]
    take: Callable[[Sequence[int]], list[tuple[Any, ...]]]
