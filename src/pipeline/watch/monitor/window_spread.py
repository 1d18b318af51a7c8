"""How much a metric differs between windows of the same length, without any change of the model or the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np

from pipeline.evaluation import point
from pipeline.evaluation.scoring import Scored
from pipeline.watch.monitor.reference_columns import Array

ENOUGH = 8  # windows, or days of a window, whose spread is then known within a quarter (1 / sqrt(2 * (8 - 1)))


@dataclass(frozen=True)
class WindowSpread:
    """The metric in windows of the test rows: mean, spread (standard deviation), number and usual rows of a window."""

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
    """The metric's spread over windows; None where they are too few to know it, or all the same."""
    values = np.array([point.figures(window, [metric])[metric] for window in windows])
    values = values[np.isfinite(values)]
    if len(values) < ENOUGH or values.std() == 0:
        return None
    rows = float(np.median([len(window) for window in windows]))
    return WindowSpread(float(values.mean()), float(values.std(ddof=1)), len(values), rows)


def numbered(days: Array) -> Array | None:
    """The days of rows, numbered from 0; None where they are too few to draw from."""
    names, codes = np.unique(days, return_inverse=True)
    return codes if len(names) >= ENOUGH else None
