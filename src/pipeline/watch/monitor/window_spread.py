"""How much a metric differs between windows of the same length, without any change of the model or the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np

from pipeline.evaluation import point
from pipeline.evaluation.scoring import Scored
from pipeline.watch.monitor.reference_columns import Array

LEVEL = 0.01  # of the test for a shift of the level
ENOUGH = 8  # windows, or days of a window, whose spread is then known within a quarter (1 / sqrt(2 * (8 - 1)))


@dataclass(frozen=True)
class WindowSpread:
    """The metric in windows of the test rows: mean, spread (standard deviation), number and usual rows of a window.

    Where the level shifts within the test rows, the spread is that about the levels before and after: a change that
    happened once says nothing of how certain a window is, and it would hide a loss for as long as the model serves.
    """

    mean: float
    spread: float
    count: int
    rows: float

    def errors(self, rows: int, share: float) -> tuple[float, float]:
        """Standard errors of a window of so many rows, and of the mean.

        Both are widened as Student's t quantile is over the normal one, as the spread is estimated: with them the
        normal quantile gives the prediction limit of a new window (Hahn & Meeker 1991). A window with fewer rows than
        usual is less certain, as if all of its error were that of single rows.
        """
        from scipy import stats

        widened = float(stats.t.ppf(1 - share, self.count - 1)) / NormalDist().inv_cdf(1 - share) * self.spread
        return widened * sqrt(max(1.0, self.rows / rows)), widened / sqrt(self.count)


def spread(windows: Sequence[Scored], metric: str) -> WindowSpread | None:
    """The metric's spread over windows, in the order of time; None where they are too few to know it, or all alike."""
    values = np.array([point.figures(window, [metric])[metric] for window in windows])
    values = values[np.isfinite(values)]
    if len(values) < ENOUGH or values.std() == 0:
        return None
    rows = float(np.median([len(window) for window in windows]))
    return WindowSpread(float(values.mean()), deviation(values), len(values), rows)


def deviation(values: Array) -> float:
    """The standard deviation about the mean, or about those before and after a shift of the level."""
    place = level_shift(values)
    if place is None:
        return float(values.std(ddof=1))
    squares = sum(((part - part.mean()) ** 2).sum() for part in np.split(values, [place]))
    return sqrt(squares / (len(values) - 2))


def level_shift(values: Array) -> int | None:
    """The place of the first value after a shift of the level (Pettitt 1979, by ranks); None where there is none."""
    from scipy import stats

    count = len(values)
    statistics = np.abs(2 * np.cumsum(stats.rankdata(values))[:-1] - np.arange(1, count) * (count + 1))
    place = int(statistics.argmax())
    chance = 2 * np.exp(-6 * statistics[place] ** 2 / (count**3 + count**2))
    return place + 1 if chance < LEVEL else None


def numbered(days: Array) -> Array | None:
    """The days of rows, numbered from 0; None where they are too few to draw from."""
    names, codes = np.unique(days, return_inverse=True)
    return codes if len(names) >= ENOUGH else None
