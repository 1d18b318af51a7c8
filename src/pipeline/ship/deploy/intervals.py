"""One-sided confidence limits of shares, their difference, quantiles, correlations; `z` is the normal quantile."""

import math
from statistics import NormalDist


def quantile(confidence: float) -> float:
    return NormalDist().inv_cdf(confidence)


def wilson(hits: float, count: int, z: float) -> tuple[float, float]:
    """Lower and upper limit of a share (Wilson 1927); 0 to 1 where nothing was counted."""
    if not count:
        return 0.0, 1.0
    share, square = hits / count, z * z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = z * math.sqrt(share * (1 - share) / count + square / (4 * count**2)) / (1 + square / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def difference_lower_limit(hits: int, count: int, other_hits: int, other_count: int, z: float) -> float:
    """Lower limit of the first share minus the second (Newcombe 1998, method 10)."""
    lower, _ = wilson(hits, count, z)
    _, upper = wilson(other_hits, other_count, z)
    share = hits / count if count else 0.0
    other = other_hits / other_count if other_count else 0.0
    return share - other - math.hypot(share - lower, upper - other)


def quantile_rank(count: int, share: float, z: float) -> int:
    """The rank (from 1) whose value is a lower limit of the quantile (normal approximation); 0 where there is none."""
    return max(0, math.floor(count * share - z * math.sqrt(count * share * (1 - share)) - 0.5))


def correlation(value: float, count: int, z: float) -> tuple[float, float]:
    """Limits of a correlation (Fisher 1921)."""
    if count < 4 or math.isnan(value):
        return -1.0, 1.0
    middle, half = math.atanh(max(-0.999999, min(0.999999, value))), z / math.sqrt(count - 3)
    return math.tanh(middle - half), math.tanh(middle + half)
