"""Splits the prediction log into windows in one pass, with memory bounded by the number of windows, not of rows."""

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
from pipeline.predictions.id_sample import hash_ids
from pipeline.predictions.logs import Log
from pipeline.predictions.periods import Grid
from pipeline.predictions.rows import Rows
from pipeline.predictions.windows import Window, WindowedLog
from pipeline.watch.monitor.counts import WindowCounts, group

SKEW = timedelta(minutes=5)  # by which a row may be ahead of this machine's clock
NO_NEW_ROWS = "look whether the service still logs there, or name another --since"
MAX_ANSWERS = 1_000_000  # rows of all windows together whose answers are held where labels may come
MAX_PENDING = 20_000  # sampled rows that are not in their tables yet, of all windows together
Progress = Callable[[str], None]


def read(
    log: str,
    signature: Signature,
    settings: Monitor,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    window: str | None = None,
    labelled: bool = False,
    progress: Progress = lambda _: None,
) -> WindowedLog:
    """The windows of the period. Times have a zone; `progress` is called with lines.

    `labelled`: labels will be joined, so the answers of more rows are held than are compared.

    Without `until` the period lasts until now; with `since` alone until the newest row. InputUnreadableError where
    there is no row to judge, PipelineError for an invalid period.
    """
    now = datetime.now(UTC)
    end = min(until or now, now)
    size = periods.size(settings.window if window is None else window)
    low = since if since or size.micros is None else end - timedelta(microseconds=size.micros * settings.history)
    log_files = logs.find(log, low, end)
    if size.micros is not None:
        grid = periods.by_time(size.micros, settings.history, since, end, _micros(SKEW) if until is None else 0)
    else:
        assert size.rows is not None
        grid = _by_rows(log_files, signature, size.rows, settings.history, since, until, now, progress)
    answers = max(settings.max_rows, MAX_ANSWERS // settings.history) if labelled else settings.max_rows
    pass_ = _Pass(signature, settings.max_rows, answers, grid, periods.micros(now + SKEW))
    for rows in log_files.rows(signature, pass_.damage, _reporter(log_files, progress)):
        pass_.add(rows)
    return pass_.windowed(log_files, size.rows, since, end, open_end=since is not None and until is None)


def _by_rows(
    log: Log,
    signature: Signature,
    rows: int,
    history: int,
    since: datetime | None,
    until: datetime | None,
    now: datetime,
    progress: Progress,
) -> Grid:
    """The windows of a number of rows: a separate pass, which reads only the times."""
    blocks = log.rows(signature, Damage(), _reporter(log, progress, "finding the windows: "))
    high = periods.micros(now + SKEW if until is None else min(until, now))
    return periods.by_rows(rows, history, (block.times for block in blocks), since, high)


@dataclass
class _Pass:
    """What one pass over the log collects."""

    signature: Signature
    size: int
    answers: int
    grid: Grid
    latest: int  # microseconds; rows after it are from the future
    damage: Damage = field(default_factory=Damage)
    counts: dict[int, WindowCounts] = field(default_factory=dict)  # by the window's place
    total: int = 0
    newest: int | None = None

    def add(self, rows: Rows) -> None:
        ahead = rows.times > self.latest
        if ahead.any():
            first = int(np.argmax(ahead))
            time_ = periods.moment(int(rows.times[first]))
            reason = f"is from the future ({time_:%Y-%m-%dT%H:%M:%SZ}); is a clock wrong?"
            self.damage.add("future", f"{rows.file}:{rows.lines[first]}", reason, int(ahead.sum()))
        if not ahead.all():
            self.newest = max(int(rows.times[~ahead].max()), self.newest or 0)
        places = np.where(ahead, -1, self.grid.places(rows.times))
        groups = group(places)
        if not groups:
            return
        hashes = hash_ids(rows.ids)
        for place, positions in groups:
            self._counts(place).add(rows, positions, hashes)
            self.total += len(positions)
        for position, kind, column in rows.flags:
            if places[position] >= 0:
                self.counts[int(places[position])].flag(kind, column)
        samples = [sample for window in self.counts.values() for sample in window.samples]
        if sum(sample.pending for sample in samples) > MAX_PENDING:
            for sample in samples:
                sample.flush()

    def _counts(self, place: int) -> WindowCounts:
        if place not in self.counts:
            self._check_maximum(len(self.counts) + 1)
            self.counts[place] = WindowCounts(self.signature, self.size, self.answers)
        return self.counts[place]

    @staticmethod
    def _check_maximum(windows: int) -> None:
        if windows > periods.MAX_WINDOWS:
            raise PipelineError(
                f"since: the period has more than {periods.MAX_WINDOWS} windows; name a later one, or a longer window"
            )

    def windowed(
        self, log: Log, count: int | None, since: datetime | None, end: datetime, open_end: bool
    ) -> WindowedLog:
        """The windows from the first with rows on; `count` is their size where that is a number of rows."""
        if not self.counts:
            raise self._no_rows(log)
        last = max(self.counts) if open_end or count else len(self.grid.edges) - 2
        self._check_maximum(last - min(self.counts) + 1)
        windows = tuple(self._windows(min(self.counts), last, count, since, end))
        until = periods.moment((self.newest or 0) + 1) if open_end else end
        return WindowedLog(windows, self.damage, self.total, len(log.files), until)

    def _windows(
        self, first: int, last: int, count: int | None, since: datetime | None, end: datetime
    ) -> Iterator[Window]:
        for place in range(first, last + 1):
            start, stop = (periods.moment(int(self.grid.edges[edge])) for edge in (place, place + 1))
            counts = self.counts.get(place) or WindowCounts(self.signature, self.size, self.answers)
            within = stop <= end and (since is None or start >= since)
            complete = within if count is None else counts.rows >= count
            window = counts.window(start, stop, complete)
            repeated = counts.rows - window.rows
            if repeated:
                reason = f"{repeated:,} rows have the id of an earlier row"
                self.damage.add("duplicates", f"window of {start:%Y-%m-%dT%H:%M:%SZ}", reason, repeated)
            yield window

    def _no_rows(self, log: Log) -> InputUnreadableError:
        low, high = (f"{periods.moment(edge):%Y-%m-%dT%H:%M:%SZ}" for edge in (self.grid.edges[0], self.grid.edges[-1]))
        if not log.files:
            return InputUnreadableError("log", f"{log.url}: holds files, but none from {low} to {high}; {NO_NEW_ROWS}")
        if self.newest is not None:
            newest = f"{periods.moment(self.newest):%Y-%m-%dT%H:%M:%SZ}"
            return InputUnreadableError(
                "log", f"{log.url}: no row from {low} to {high}; the newest is from {newest}; {NO_NEW_ROWS}"
            )
        place = f"; {self.damage.places[0]}" if self.damage.places else ""
        count = "1 file" if len(log.files) == 1 else f"{len(log.files):,} files"
        return InputUnreadableError("log", f"{log.url}: no row in {count}{place}")


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _reporter(log: Log, progress: Progress, prefix: str = "") -> logs.Progress:
    """Reports progress in a line every other second."""
    last = [time.monotonic()]

    def report(files: int, size: int, rows: int) -> None:
        if time.monotonic() - last[0] > 2:
            last[0] = time.monotonic()
            progress(
                f"{prefix}{rows:,} rows, file {files:,} of {len(log.files):,}, "
                f"{size / 2**20:,.0f} of {log.size / 2**20:,.0f} MB"
            )

    return report
