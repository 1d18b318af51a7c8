"""Counts and sample of a window while the log is streamed, in bounded memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from pipeline.models.signature import Signature
from pipeline.predictions.id_sample import Hashes, IdSample
from pipeline.predictions.rows import Numbers, Rows
from pipeline.predictions.windows import Window

# Latencies are counted in bins that are 2 % wide, from a microsecond to a quarter of an hour.
LOWEST, STEP, BINS = 0.001, 1.02, 1050


class WindowCounts:
    """One window's counts and samples: `size` rows with their columns, and the answers of `answers` rows.

    The ids of the smaller sample are among those of the larger one, the first of them.
    """

    def __init__(self, signature: Signature, size: int, answers: int) -> None:
        self.rows = 0
        self.sample = IdSample(signature, size)
        self.answers = IdSample(None, answers) if answers > size else self.sample
        self._releases: Counter[str] = Counter()
        self._flags: dict[str, Counter[str]] = {"missing": Counter(), "unseen": Counter()}
        self._latencies = np.zeros(BINS, dtype=np.int64)

    def add(self, rows: Rows, positions: "np.ndarray[Any, np.dtype[np.intp]]", hashes: Hashes) -> None:
        """Count the rows at these positions, all of this window; `hashes` are those of all rows' ids."""
        self.rows += len(positions)
        whole = len(positions) == len(rows.ids)
        self._releases.update(rows.releases if whole else [rows.releases[position] for position in positions])
        self._latencies += _binned(rows.latencies[positions])
        for sample in self.samples:
            sampled = positions[hashes[positions] <= np.uint64(sample.limit)]
            if len(sampled):
                sample.add(hashes[sampled].tolist(), rows.take(sampled.tolist()))

    @property
    def samples(self) -> tuple[IdSample, ...]:
        """Both samples, or the one that is both."""
        return (self.sample,) if self.answers is self.sample else (self.sample, self.answers)

    def flag(self, kind: str, column: str) -> None:
        """Count a column of a row as missing or unseen."""
        self._flags[kind][column] += 1

    def window(self, start: datetime, end: datetime, complete: bool) -> Window:
        """The window, with each id counted once."""
        features, answers = self.sample.tables()
        answers = answers if self.answers is self.sample else self.answers.tables()[1]
        share = self.sample.distinct_share
        missing, unseen = (
            {column: round(count * share) for column, count in sorted(self._flags[kind].items())}
            for kind in ("missing", "unseen")
        )
        unlogged = [name for name in features if name not in missing and len(features) and features[name].isna().all()]
        return Window(
            start=start,
            end=end,
            rows=round(self.rows * share),
            complete=complete,
            sample=features.drop(columns=unlogged),
            answers=answers,
            releases={name: round(count * share) for name, count in sorted(self._releases.items())},
            missing=missing,
            unseen=unseen,
            latency=_percentile(self._latencies, 0.99),
        )


def _binned(latencies: Numbers) -> "np.ndarray[Any, np.dtype[np.int64]]":
    bins = np.log(np.maximum(latencies, LOWEST) / LOWEST) / np.log(STEP)
    return np.bincount(np.minimum(bins, BINS - 1).astype(np.int64), minlength=BINS)


def _percentile(counts: "np.ndarray[Any, np.dtype[np.int64]]", share: float) -> float | None:
    """The middle of the bin that holds the percentile: within 1 % of it."""
    if not counts.sum():
        return None
    bin_ = int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
    return float(LOWEST * STEP ** (bin_ + 0.5))


def group(places: Sequence[int] | Any) -> "list[tuple[int, np.ndarray[Any, np.dtype[np.intp]]]]":
    """(window, positions of its rows) from the window that each row falls into; rows outside (-1) are left out."""
    return [(int(place), np.flatnonzero(places == place)) for place in np.unique(places) if place >= 0]
