"""The windows of a period: by time on a grid in UTC, or by a number of rows, counted back from the newest."""

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
MAX_DAYS = 366  # of a window
MAX_WINDOWS = 366  # of one run: their samples are held in memory
MAX_EDGES = 1_000_000  # windows of a period, counting those before the log begins
MAX_ROWS = 10_000_000  # of all windows of a number of rows together: their times are held in memory


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(micro: int) -> datetime:
    """The time (UTC) of microseconds since 1970; the last day of the year 9999 for later ones."""
    return EPOCH + timedelta(microseconds=min(int(micro), LATEST))


@dataclass(frozen=True)
class Size:
    """The size of a window: microseconds, or rows."""

    micros: int | None
    rows: int | None


def size(text: str) -> Size:
    """The size that `1 day`, `6 hours`, `15 minutes` or `500 rows` means; PipelineError for other text."""
    number, _, unit = text.partition(" ")
    unit = unit.removesuffix("s")
    if not number.isascii() or not number.isdigit() or int(number) == 0 or unit not in (*UNITS, "row"):
        raise PipelineError(f"window: is {text!r}; allowed: a number of minutes, hours, days or rows, such as 6 hours")
    if unit == "row":
        return Size(None, int(number))
    if int(number) * UNITS[unit] > MAX_DAYS * UNITS["day"]:
        raise PipelineError(f"window: is {text!r}; allowed: at most {MAX_DAYS} days")
    return Size(int(number) * UNITS[unit] * SECOND, None)


@dataclass(frozen=True)
class Grid:
    """Windows by their ascending edges. Rows from `low` until before `high` count, late ones in the last window."""

    edges: Times
    low: int
    high: int

    def places(self, times: Times) -> Times:
        """The window that each time falls into; -1 outside of the period."""
        inside = (times >= self.low) & (times < self.high)
        places = np.searchsorted(self.edges, times, side="right") - 1
        return np.where(inside, np.minimum(places, len(self.edges) - 2), -1)


def by_time(width: int, history: int, since: datetime | None, until: datetime, slack: int) -> Grid:
    """Windows of `width` microseconds that cover the period; without `since` the latest `history`.

    Times up to `slack` after `until` count in its window: clocks differ. PipelineError for a period empty or too long.
    """
    end = micros(until)
    last = (end - 1) // width
    first = last - history + 1 if since is None else micros(since) // width
    if since is not None and micros(since) >= end:
        raise PipelineError(f"since: {since:%Y-%m-%dT%H:%M:%SZ} is not before until, {until:%Y-%m-%dT%H:%M:%SZ}")
    if last - first > MAX_EDGES:
        raise PipelineError(f"since: the period has more than {MAX_EDGES:,} windows; name a later one")
    edges = np.arange(first, last + 2, dtype=np.int64) * width
    low = int(edges[0]) if since is None else micros(since)
    return Grid(edges, low, end + slack)


def by_rows(rows: int, history: int, times: Iterable[Times], since: datetime | None, high: int) -> Grid:
    """Windows of `rows` rows each, the latest `history`, counted back from the newest before `high`.

    Rows with the same time (those of one request) stay together, so a window may hold some more. The rows left over at
    the old end are no window, unless there is no other. Only the newest times are held. PipelineError for too many.
    """
    maximum = rows * history
    if maximum > MAX_ROWS:
        raise PipelineError(
            f"window: {history} windows of {rows:,} rows are above {MAX_ROWS:,} rows; lower monitor.history"
        )
    low = micros(since) if since else -(2**63)
    newest = np.empty(0, dtype=np.int64)
    pending: list[Times] = []
    for block in times:
        pending.append(block[(block >= low) & (block < high)])
        if sum(map(len, pending)) > maximum:
            newest, pending = _newest(newest, pending, maximum), []
    newest = np.sort(_newest(newest, pending, maximum))[::-1]
    if not len(newest):
        return Grid(np.array([max(low, 0), max(low, 0) + 1], dtype=np.int64), low, high)
    cuts = newest[rows - 1 :: rows] if len(newest) >= rows else newest[-1:]
    edges = np.unique(np.append(cuts, newest[0] + 1)).astype(np.int64)
    return Grid(edges, int(edges[0]), int(edges[-1]))


def _newest(newest: Times, pending: list[Times], maximum: int) -> Times:
    times = np.concatenate([newest, *pending])
    return np.partition(times, len(times) - maximum)[len(times) - maximum :] if len(times) > maximum else times
