"""Factors of e-processes: evidence that may be looked at again and again.

Each factor has an expectation of at most 1 under its null hypothesis, given what happened before its block. So their
product exceeds 1 / α at any time with a probability of at most α (Ville's inequality; Ramdas, Grünwald, Vovk and
Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference"). All are returned as logarithms.
"""

import math
from statistics import NormalDist

from pipeline.ship.deploy.evidence import Moments

# ln(1 + u) >= u - CURVE * u * u for |u| <= 1/2, so that exp of the right side is a factor that needs only sums.
CURVE = 4 * math.log(2) - 2
PRIOR = 25  # rows after which the mixture for a correlation finds a difference best
SMALLEST = 1e-6  # a share of 0 would make one hit proof of anything


def two_shares(
    hits: int, count: int, other_hits: int, other_count: int, tolerated: float, guess: float, other_guess: float
) -> float:
    """Against "the first share is at most the second + `tolerated`"; the guesses are the shares that are bet on.

    A betting e-process for two Bernoulli streams (Turner and Grünwald 2023, "Exact anytime-valid confidence intervals
    for contingency tables and beyond"). Only this block's shares count, so they may change from block to block as they
    like, if they do on both sides: since ln(1 + u) <= u, the logarithm of the factor's expectation is at most
    count * rate * (difference of the block's two expected shares - tolerated).
    """
    excess = guess - other_guess - tolerated
    if excess <= 0 or not count or not other_count:
        return 0.0
    other_null = (count * (guess - tolerated) + other_count * other_guess) / (count + other_count)
    null = other_null + tolerated
    spread = max(null * (1 - null), other_null * (1 - other_null))
    rate = (guess - null) / spread
    other_rate = -rate * count / other_count
    return (
        hits * math.log1p(rate * (1 - null))
        + (count - hits) * math.log1p(-rate * null)
        + other_hits * math.log1p(other_rate * (1 - other_null))
        + (other_count - other_hits) * math.log1p(-other_rate * other_null)
    )


def one_share(hits: int, count: int, tolerated: float, guess: float) -> float:
    """Against "the share is at most `tolerated`": the likelihood ratio of `guess` (Wald 1945)."""
    null = max(tolerated, SMALLEST)
    if guess <= null:
        return 0.0
    return hits * math.log(guess / null) + (count - hits) * math.log((1 - guess) / (1 - null))


def two_means(
    own: Moments, other: Moments, tolerated: float, excess: float, past: Moments, limits: tuple[float, float]
) -> float:
    """Against "the first mean is at most the second + `tolerated`"; `excess` is what is bet on beyond that.

    Empirical Bernstein (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting"), with
    the squares around what was expected before the block. All values must lie within the limits.
    """
    if excess <= 0 or past.variance <= 0 or not own.count or not other.count:
        return 0.0
    low, high = limits
    other_null, ratio = past.mean, own.count / other.count
    null = other_null + tolerated
    rate = excess / (2 * CURVE * past.variance * (1 + ratio))
    reach = max(high - null, null - low, ratio * (high - other_null), ratio * (other_null - low))
    rate = min(rate, 0.5 / reach)
    return _bernstein(own, null, rate) + _bernstein(other, other_null, -rate * ratio)


def _bernstein(values: Moments, null: float, rate: float) -> float:
    deviation = values.total - values.count * null
    squares = values.squares - 2 * null * values.total + values.count * null**2
    return rate * deviation - CURVE * rate**2 * squares


def correlation(value: float, count: int, bound: float) -> float:
    """Against "the correlation is at least `bound`", from all `count` pairs so far; valid for many pairs alone.

    Fisher's z, about normal, in Robbins' one-sided mixture (Howard, Ramdas, McAuliffe and Sekhon 2021,
    "Time-uniform, nonparametric, nonasymptotic confidence sequences"; Waudby-Smith and others 2024, "Time-uniform
    central limit theory and asymptotic confidence sequences").
    """
    if count <= 3 or math.isnan(value):
        return 0.0
    z, null = (math.atanh(max(-1 + SMALLEST, min(1 - SMALLEST, number))) for number in (value, bound))
    known = count - 3
    total, width = known * max(null - z, 0.0), known + PRIOR
    below = NormalDist().cdf(total / math.sqrt(width))
    return math.log(2 * below) + 0.5 * math.log(PRIOR / width) + total**2 / (2 * width)


def mixture(logs: tuple[float, ...]) -> float:
    """The mean of several e-processes is one: they bet on small and large effects."""
    largest = max(logs)
    return largest + math.log(sum(math.exp(number - largest) for number in logs) / len(logs))
