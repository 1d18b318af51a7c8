"""Intervals of how far apart groups are: highest minus lowest, or lowest over highest."""

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.bootstrap import Estimate, estimate

Array = npt.NDArray[np.float64]

TAIL_DRAWS = 10  # draws beyond each end of a corrected interval, at least; with fewer it would be too short
MAX_DRAWS = 10_000


def places(groups: Any) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """The groups, sorted, and the place of each row's among them (rows,)."""
    names, place = np.unique(np.asarray(groups, object).astype(str), return_inverse=True)
    return tuple(names.tolist()), place


def worst_pair(value: float, draws: list[Array], ratio: bool, confidence: float) -> Estimate:
    """The interval of the worst pair of the drawn rates (count, groups), at a Bonferroni-corrected confidence."""
    pairs = [(rate[:, a], rate[:, b]) for rate in draws for a, b in combinations(range(rate.shape[1]), 2)]
    if np.isnan(value) or not pairs:
        return Estimate(value, np.nan, np.nan)
    corrected, fold = 1 - (1 - confidence) / len(pairs), _ratio_folded if ratio else _difference_folded
    ends = []
    for first, second in pairs:
        interval = estimate(value, first / second if ratio else first - second, corrected)
        if np.isnan(interval.lower):
            return Estimate(value, np.nan, np.nan)
        ends.append(fold(interval.lower, interval.upper))
    lower, upper = (np.min if ratio else np.max)(ends, axis=0)
    return Estimate(value, float(lower), float(upper))


def _ratio_folded(low: float, high: float) -> tuple[float, float]:
    """The interval of "lower over higher" from that of one over the other."""
    if low > 1:
        return 1 / high, 1 / low
    return (low, high) if high < 1 else (min(low, 1 / high), 1.0)


def _difference_folded(low: float, high: float) -> tuple[float, float]:
    """The interval of the absolute difference from that of the signed one."""
    if low > 0:
        return low, high
    return (-high, -low) if high < 0 else (0.0, max(-low, high))
