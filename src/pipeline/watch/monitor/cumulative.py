"""A loss that lasts: whether the latest windows together say what no single one of them says."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log

import numpy as np

LOOKS = 7  # of a week, if windows are days: the rate of false alarms is that of all of them together
SIZES = (1, 2, 4)  # of the losses that are looked for, as multiples of the tolerated one


@dataclass(frozen=True)
class Evidence:
    """A window's loss against the tolerated one, with the standard errors of the window and of what it is compared with
    (the same for all windows), all in the metric's unit."""

    loss: float
    tolerated: float
    error: float
    reference_error: float


@dataclass(frozen=True)
class Lasting:
    """The stretch of latest windows that says most: how many they are, their mean loss, the statistic and its limit."""

    windows: int
    loss: float
    statistic: float
    limit: float

    @property
    def beyond(self) -> bool:
        return self.statistic > self.limit


def lasting(windows: Sequence[Evidence], share: float) -> Lasting | None:
    """The stretch of latest windows (oldest first) that speaks most for a loss, of the tolerated size or more, against
    none.

    Page's cumulative sum (1954) of log likelihood ratios of normal losses: the sum over the windows since some window,
    at its largest; the likelihood of a loss is the mean of those of `SIZES` times the tolerated one (Robbins 1970).
    Without a loss the ratio is a martingale of mean 1, so that a look passes 1 / a with probability a at most (Ville
    1939; Lorden 1971); a week has `LOOKS` of them and `share` for all. The reference's error is the same in every
    window, so it does not shrink with their number: the ratio is that of the weighted mean loss, with both variances.
    None where nothing is tolerated or there is no window.
    """
    usable = [window for window in windows if 0 < window.error < inf and window.tolerated > 0][::-1]
    if not usable:
        return None
    losses, weights = np.array([window.loss for window in usable]), np.array([window.error**-2 for window in usable])
    means = np.cumsum(weights * losses) / np.cumsum(weights)
    tolerated, reference_error = usable[0].tolerated, usable[0].reference_error
    variances = 1 / np.cumsum(weights) + reference_error**2
    sizes = tolerated * np.array(SIZES)[:, None]
    ratios = sizes * (means - sizes / 2) / variances  # logarithms, (sizes, windows)
    statistics = np.logaddexp.reduce(ratios, axis=0) - log(len(SIZES))
    best = int(statistics.argmax())
    return Lasting(best + 1, float(means[best]), float(statistics[best]), log(LOOKS / share))
