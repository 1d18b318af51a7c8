"""A loss that lasts: whether the latest windows together say what no single one of them says."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numpy as np

from pipeline.watch.monitor.reference_columns import Array

LOOKS = 7  # of a week, if windows are days: the rate of false alarms is that of all of them together
SIZES = np.array([1, 2, 4])  # of the losses that are looked for, as multiples of the tolerated one
SEED, HISTORIES = 0, 10_000  # simulated ones without a loss: 7 of them are beyond the limit of a single look


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
    The reference's error is the same in every window, so it does not shrink with their number: the ratio is that of the
    weighted mean loss, with both variances. `share`: of the weeks without a loss, those in which any look may alarm;
    half of it is the statistic's, the other half is left to the rule of k of n windows.
    None where nothing is tolerated or there is no window.
    """
    usable = [window for window in windows if 0 < window.error < inf and window.tolerated > 0][::-1]
    if not usable:
        return None
    tolerated, reference_error = usable[0].tolerated, usable[0].reference_error
    losses, errors = (np.array([getattr(window, name) for window in usable]) for name in ("loss", "error"))
    statistics, means = _ratios(losses / tolerated, errors / tolerated, reference_error / tolerated)
    best = int(statistics.argmax())
    statistic, limit = float(statistics[best]), 0.0
    if statistic > 0:
        rounded = [float(f"{error / tolerated:.2g}") for error in (*errors, reference_error)]
        limit = _limit(tuple(rounded[:-1]), rounded[-1], share / 2)
    return Lasting(best + 1, float(means[best]) * tolerated, statistic, limit)


def _ratios(losses: Array, errors: Array, reference_error: float) -> tuple[Array, Array]:
    """The log likelihood ratio of each stretch of latest windows, and its mean loss (..., windows), latest first.

    All are multiples of the tolerated loss: losses (..., windows), errors (windows,).
    """
    weights = np.cumsum(errors**-2)
    means = np.cumsum(losses / errors**2, axis=-1) / weights
    variances = 1 / weights + reference_error**2
    ratios = [size * (means - size / 2) / variances for size in SIZES]
    largest = np.maximum.reduce(ratios)  # the sum of exponentials without overflow, and faster than logaddexp
    sums = sum(np.exp(ratio - largest) for ratio in ratios)
    return np.asarray(largest + np.log(sums / len(SIZES))), means


@lru_cache(maxsize=4096)
def _limit(errors: tuple[float, ...], reference_error: float, share: float) -> float:
    """What the highest of a week's looks exceeds in `share` of simulated histories without a loss, but not below 0.

    A Monte Carlo test (Barnard 1963): windows are normal, with these errors (latest first), and share the reference's.
    Where a week's looks are not all there yet, those that are have their part of its share.
    """
    rng, errors_ = np.random.default_rng(SEED), np.array(errors)
    losses = rng.normal(size=(HISTORIES, len(errors_))) * errors_ + rng.normal(size=(HISTORIES, 1)) * reference_error
    looks = min(LOOKS, len(errors_))
    highest = np.full(HISTORIES, -inf)
    for look in range(looks):
        ratios, _ = _ratios(losses[:, look:], errors_[look:], reference_error)
        highest = np.maximum(highest, ratios.max(axis=1))
    return max(0.0, float(np.quantile(highest, 1 - share * looks / LOOKS, method="higher")))
