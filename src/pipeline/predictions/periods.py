"""Which windows there are: by time on a grid in UTC, or by a number of rows, counted back from the newest."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.predictions.rows import Times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
UNITS = {"minute": 60, "hour": 3600, "day": 86400}
SECOND = 1_000_000  # times are microseconds
LONGEST = 366  # days of a window
MOST_WINDOWS = 366  # that one reading may have: their samples are held in memory
MOST_EDGES = 1_000_000  # windows of a period, most of them before the log begins
MOST_ROWS = 10_000_000  # that windows of a number of rows may hold together: their times are held in memory


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(micro: int) -> datetime:
    """The time, UTC, of microseconds since 1970; the last day of the year 9999 for what is later."""
    return EPOCH + timedelta(microseconds=min(int(micro), LATEST))


@dataclass(frozen=True)
class Size:
    """The size of a window: microseconds, or rows."""

    micros: int | None
    rows: int | None


def size(text: str) -> Size:
    """`1 day`, `6 hours`, `15 minutes` or `500 rows`; PipelineError."""
    number, _, unit = text.partition(" ")
    unit = unit.removesuffix("s")
    if not number.isascii() or not number.isdigit() or int(number) == 0 or unit not in (*UNITS, "row"):
        raise PipelineError(f"window: is {text!r}; allowed: a number of minutes, hours, days or rows, such as 6 hours")
    if unit == "row":
        return Size(None, int(number))
    if int(number) * UNITS[unit] > LONGEST * UNITS["day"]:
        raise PipelineError(f"window: is {text!r}; allowed: at most {LONGEST} days")
    return Size(int(number) * UNITS[unit] * SECOND, None)


@dataclass(frozen=True)
class Grid:
    """Windows by their edges, rising; rows count from `low` until before `high`, after the last edge in the last."""

    edges: Times
    low: int
    high: int

    def places(self, times: Times) -> Times:
        """The window that each time falls into; -1 outside of the period."""
        inside = (times >= self.low) & (times < self.high)
        found = np.searchsorted(self.edges, times, side="right") - 1
        return np.where(inside, np.minimum(found, len(self.edges) - 2), -1)


def by_time(width: int, history: int, since: datetime | None, until: datetime, slack: int) -> Grid:
    """Windows of `width` microseconds that hold the period; without `since` the latest `history`.

    Times up to `slack` after `until` count as in its window: clocks differ. PipelineError for a period too long.
    """
    end = micros(until)
    last = (end - 1) // width
    first = last - history + 1 if since is None else micros(since) // width
    if since is not None and micros(since) >= end:
        raise PipelineError(f"since: {since:%Y-%m-%dT%H:%M:%SZ} is not before until, {until:%Y-%m-%dT%H:%M:%SZ}")
    if last - first > MOST_EDGES:
        raise PipelineError(f"since: the period has more than {MOST_EDGES:,} windows; name a later one")
    edges = np.arange(first, last + 2, dtype=np.int64) * width
    low = int(edges[0]) if since is None else micros(since)
    return Grid(edges, low, end + slack)


def by_rows(rows: int, history: int, times: Iterable[Times], since: datetime | None, high: int) -> Grid:
    """Windows of so many rows each, the latest `history`, counted back from the newest before `high`.

    Rows of one moment (those of one request) stay together, so that a window may hold some more. What is left over at
    the old end is no window, unless it is all there is. Only the newest times are held. PipelineError for too many.
    """
    most = rows * history
    if most > MOST_ROWS:
        raise PipelineError(
            f"window: {history} windows of {rows:,} rows are above {MOST_ROWS:,} rows; lower monitor.history"
        )
    low = micros(since) if since else -(2**63)
    newest = np.empty(0, dtype=np.int64)
    waiting: list[Times] = []
    for some in times:
        waiting.append(some[(some >= low) & (some < high)])
        if sum(map(len, waiting)) > most:
            newest, waiting = _newest(newest, waiting, most), []
    newest = np.sort(_newest(newest, waiting, most))[::-1]
    if not len(newest):
        return Grid(np.array([max(low, 0), max(low, 0) + 1], dtype=np.int64), low, high)
    cuts = newest[rows - 1 :: rows] if len(newest) >= rows else newest[-1:]
    edges = np.unique(np.append(cuts, newest[0] + 1)).astype(np.int64)
    return Grid(edges, int(edges[0]), int(edges[-1]))


def _newest(newest: Times, waiting: list[Times], most: int) -> Times:
    found = np.concatenate([newest, *waiting])
    return np.partition(found, len(found) - most)[len(found) - most :] if len(found) > most else found
