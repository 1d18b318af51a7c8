"""The prediction log into windows: one pass over it, in memory that hangs on the windows and not on the rows."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.core.params import Monitor
from pipeline.models.signature import Signature
from pipeline.predictions import logs, periods
from pipeline.predictions.damage import Damage, InputUnreadableError
from pipeline.predictions.id_sample import hashed
from pipeline.predictions.logs import Log
from pipeline.predictions.periods import Grid
from pipeline.predictions.rows import Rows
from pipeline.predictions.windows import Reading, Window
from pipeline.watch.monitor.counts import Tally, group

SKEW = timedelta(minutes=5)  # by which a row may be ahead of this clock
WAITING = 20_000  # sampled rows that wait to be put away, of all windows together
Told = Callable[[str], None]


def read(
    log: str,
    signature: Signature,
    chosen: Monitor,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    window: str | None = None,
    progress: Told = lambda _: None,
) -> Reading:
    """The windows of the period. Times have a zone; `progress` is told lines.

    Without `until` the period lasts until now; with `since` alone until the newest row. InputUnreadableError where
    nothing can be seen, PipelineError for a period that makes no sense.
    """
    now = datetime.now(UTC)
    end = min(until or now, now)
    size = periods.size(chosen.window if window is None else window)
    low = since if since or size.micros is None else end - timedelta(microseconds=size.micros * chosen.history)
    found = logs.find(log, low, end)
    if size.micros is not None:
        grid = periods.by_time(size.micros, chosen.history, since, end, _micros(SKEW) if until is None else 0)
    else:
        assert size.rows is not None
        grid = _by_rows(found, signature, size.rows, chosen.history, since, until, now, progress)
    pass_ = _Pass(signature, chosen.max_rows, grid, periods.micros(now + SKEW))
    for rows in found.rows(signature, pass_.damage, _shown(found, progress)):
        pass_.add(rows)
    return pass_.reading(found, size.rows, since, end, open_end=since is not None and until is None)


def _by_rows(
    found: Log,
    signature: Signature,
    rows: int,
    history: int,
    since: datetime | None,
    until: datetime | None,
    now: datetime,
    progress: Told,
) -> Grid:
    """The windows of a number of rows: a pass of its own, which looks at the times alone."""
    some = found.rows(signature, Damage(), _shown(found, progress, "looking for the windows: "))
    high = periods.micros(now + SKEW if until is None else min(until, now))
    return periods.by_rows(rows, history, (one.times for one in some), since, high)


@dataclass
class _Pass:
    """What one pass over the log gathers."""

    signature: Signature
    size: int
    grid: Grid
    latest: int  # microseconds; rows after it are from the future
    damage: Damage = field(default_factory=Damage)
    tallies: dict[int, Tally] = field(default_factory=dict)
    seen: int = 0
    newest: int | None = None

    def add(self, rows: Rows) -> None:
        ahead = rows.times > self.latest
        if ahead.any():
            first = int(np.argmax(ahead))
            why = f"is from the future ({periods.moment(int(rows.times[first])):%Y-%m-%dT%H:%M:%SZ}); is a clock wrong?"
            self.damage.add("future", f"{rows.file}:{rows.lines[first]}", why, int(ahead.sum()))
        if not ahead.all():
            self.newest = max(int(rows.times[~ahead].max()), self.newest or 0)
        places = np.where(ahead, -1, self.grid.places(rows.times))
        groups = group(places)
        if not groups:
            return
        hashes = hashed(rows.ids)
        for place, at in groups:
            self._tally(place).add(rows, at, hashes)
            self.seen += len(at)
        for position, kind, column in rows.flags:
            if places[position] >= 0:
                self.tallies[int(places[position])].flag(kind, column)
        if sum(tally.sample.waiting for tally in self.tallies.values()) > WAITING:
            for tally in self.tallies.values():
                tally.sample.put_away()

    def _tally(self, place: int) -> Tally:
        if place not in self.tallies:
            self._refuse_more_than_most(len(self.tallies) + 1)
            self.tallies[place] = Tally(self.signature, self.size)
        return self.tallies[place]

    @staticmethod
    def _refuse_more_than_most(windows: int) -> None:
        if windows > periods.MOST_WINDOWS:
            raise PipelineError(
                f"since: the period has more than {periods.MOST_WINDOWS} windows; name a later one, or a longer window"
            )

    def reading(self, found: Log, count: int | None, since: datetime | None, end: datetime, open_end: bool) -> Reading:
        """The windows from the first with rows; `count` is their size where it is a number of rows."""
        if not self.tallies:
            raise self._blind(found)
        last = max(self.tallies) if open_end or count else len(self.grid.edges) - 2
        self._refuse_more_than_most(last - min(self.tallies) + 1)
        windows = tuple(self._windows(min(self.tallies), last, count, since, end))
        until = periods.moment((self.newest or 0) + 1) if open_end else end
        return Reading(windows, self.damage, self.seen, len(found.files), until)

    def _windows(
        self, first: int, last: int, count: int | None, since: datetime | None, end: datetime
    ) -> Iterator[Window]:
        for place in range(first, last + 1):
            start, stop = (periods.moment(int(self.grid.edges[at])) for at in (place, place + 1))
            tally = self.tallies.get(place) or Tally(self.signature, self.size)
            within = stop <= end and (since is None or start >= since)
            complete = within if count is None else tally.rows >= count
            made = tally.window(start, stop, complete)
            twice = tally.rows - made.rows
            if twice:
                why = f"{twice:,} rows have an id that came before"
                self.damage.add("duplicates", f"window of {start:%Y-%m-%dT%H:%M:%SZ}", why, twice)
            yield made

    def _blind(self, found: Log) -> InputUnreadableError:
        low, high = (f"{periods.moment(one):%Y-%m-%dT%H:%M:%SZ}" for one in (self.grid.edges[0], self.grid.edges[-1]))
        if not found.files:
            return InputUnreadableError("log", f"{found.url}: holds files, but none of {low} to {high}")
        if self.newest is not None:
            newest = f"{periods.moment(self.newest):%Y-%m-%dT%H:%M:%SZ}"
            return InputUnreadableError("log", f"{found.url}: no row from {low} to {high}; the newest is of {newest}")
        place = f"; {self.damage.places[0]}" if self.damage.places else ""
        many = "1 file" if len(found.files) == 1 else f"{len(found.files):,} files"
        return InputUnreadableError("log", f"{found.url}: no row in {many}{place}")


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _shown(found: Log, progress: Told, before: str = "") -> logs.Progress:
    """A line of progress every other second."""
    told = [time.monotonic()]

    def show(files: int, size: int, rows: int) -> None:
        if time.monotonic() - told[0] > 2:
            told[0] = time.monotonic()
            progress(
                f"{before}{rows:,} rows, file {files:,} of {len(found.files):,}, "
                f"{size / 2**20:,.0f} of {found.size / 2**20:,.0f} MB"
            )

    return show
