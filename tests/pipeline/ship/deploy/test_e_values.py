"""Under its null hypothesis a factor is expected to be at most 1; what it finds and what it costs are known numbers."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from pipeline.ship.deploy import e_values
from pipeline.ship.deploy.evidence import Moments

shares = st.floats(0.001, 0.999)


def expected_factor(
    count: int, other_count: int, tolerated: float, guesses: tuple[float, float], truth: tuple[float, float]
) -> float:
    """By enumeration of both counts of hits."""
    own, other = (stats.binom(n, p).pmf(range(n + 1)) for n, p in zip((count, other_count), truth, strict=True))
    return float(
        sum(
            own[a] * other[b] * math.exp(e_values.two_shares(a, count, b, other_count, tolerated, *guesses))
            for a, b in itertools.product(range(count + 1), range(other_count + 1))
        )
    )


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 0.3), st.tuples(shares, shares), shares)
def test_the_factor_of_two_shares_is_expected_to_be_at_most_1_whatever_the_shares_are(
    count: int, other_count: int, tolerated: float, guesses: tuple[float, float], truth: float
) -> None:
    worst = min(truth + tolerated, 1.0)
    assert expected_factor(count, other_count, tolerated, guesses, (worst, truth)) <= 1 + 1e-9


def test_the_factor_of_two_equal_shares_is_the_ratio_to_the_pooled_share() -> None:
    """Turner, Ly and Grünwald 2024, theorem 1: with nothing tolerated the null share is the pooled guess."""
    count, other_count, guess, other_guess = 30, 90, 0.2, 0.04
    pooled = (count * guess + other_count * other_guess) / (count + other_count)
    ratio = stats.binom(count, guess).logpmf(5) - stats.binom(count, pooled).logpmf(5)
    ratio += stats.binom(other_count, other_guess).logpmf(3) - stats.binom(other_count, pooled).logpmf(3)
    assert pooled == pytest.approx(0.08)
    # The denominator of the larger spread is that of both here: with nothing tolerated there is one null share.
    assert e_values.two_shares(5, count, 3, other_count, 0.0, guess, other_guess) == pytest.approx(float(ratio))


def test_a_real_difference_multiplies_the_evidence() -> None:
    assert expected_factor(12, 12, 0.01, (0.5, 0.01), (0.5, 0.01)) > 20
    assert e_values.two_shares(5, 10, 5, 0, 0.0, 0.5, 0.1) == 0.0  # nothing to compare with
    assert e_values.two_shares(5, 10, 5, 10, 0.5, 0.5, 0.1) == 0.0  # a bet within the bound


@pytest.mark.parametrize("truth", [0.01, 0.05, 0.1])
def test_one_share_crosses_its_limit_at_any_look_as_rarely_as_it_says(truth: float) -> None:
    """Exactly: the distribution of the count of hits that have not crossed yet, row by row."""
    alive, crossed = {0: 1.0}, 0.0
    for row in range(1, 301):
        following: dict[int, float] = {}
        for hits, chance in alive.items():
            for more, probability in ((0, 1 - truth), (1, truth)):
                following[hits + more] = following.get(hits + more, 0.0) + chance * probability
        proven = {hits for hits in following if e_values.one_share(hits, row, 0.1, 0.25) >= math.log(20)}
        crossed += sum(following[hits] for hits in proven)
        alive = {hits: chance for hits, chance in following.items() if hits not in proven}
    assert crossed <= 0.05
    assert truth < 0.1 or crossed > 0.02  # at the bound most of what is allowed is used


def test_one_share_is_the_likelihood_ratio() -> None:
    ratio = stats.binom(50, 0.3).logpmf(9) - stats.binom(50, 0.1).logpmf(9)
    assert e_values.one_share(9, 50, 0.1, 0.3) == pytest.approx(float(ratio))
    assert e_values.one_share(20, 50, 0.0, 0.3) > 100  # where nothing is tolerated


@given(
    st.lists(st.floats(0.01, 1), min_size=3, max_size=3),
    st.floats(0, 0.2),
    st.floats(0.01, 1),
    st.tuples(st.floats(0.05, 0.95), st.floats(0.01, 0.3)),
)
def test_the_factor_of_two_means_is_expected_to_be_at_most_1(
    weights: list[float], tolerated: float, excess: float, past: tuple[float, float]
) -> None:
    """By enumeration: three own and two other values, each 0, 0.5 or 0.8; the own ones higher by what is tolerated."""
    chances = [weight / sum(weights) for weight in weights]
    mean, deviation = past
    before = Moments.of([mean - deviation, mean + deviation])
    total = 0.0
    for drawn in itertools.product(range(3), repeat=5):
        values = [(0.0, 0.5, 0.8)[place] for place in drawn]
        own, other = Moments.of([value + tolerated for value in values[:3]]), Moments.of(values[3:])
        factor = math.exp(e_values.two_means(own, other, tolerated, excess, before, (0.0, 1.0)))
        total += math.prod(chances[place] for place in drawn) * factor
    assert total <= 1 + 1e-9


def test_a_shift_multiplies_the_evidence_of_two_means() -> None:
    rng = np.random.default_rng(0)
    other = Moments.of(rng.beta(2, 5, 5000))
    shifted = Moments.of(rng.beta(2, 5, 500) + 0.15)
    before = Moments.of(rng.beta(2, 5, 5000))
    assert e_values.two_means(shifted, other, 0.04, 0.1, before, (0.0, 1.2)) > 10
    assert e_values.two_means(other, other, 0.04, 0.1, before, (0.0, 1.2)) < 0
    assert e_values.two_means(Moments(), other, 0.04, 0.1, before, (0.0, 1.2)) == 0.0


@pytest.mark.parametrize(("value", "count"), [(0.5, 100), (0.89, 1000)])
def test_the_evidence_of_a_correlation_is_the_mixture_over_all_differences(value: float, count: int) -> None:
    known, difference = count - 3, math.atanh(0.9) - math.atanh(value)

    def density(bet: float) -> float:
        prior = 2 * stats.norm(scale=1 / math.sqrt(e_values.PRIOR)).pdf(bet)
        return float(math.exp(bet * known * difference - bet**2 * known / 2) * prior)

    expected, _ = integrate.quad(density, 0, 4, points=[max(difference, 0.0)])
    assert e_values.correlation(value, count, 0.9) == pytest.approx(math.log(expected), rel=1e-6)


def test_the_evidence_of_a_correlation_needs_more_than_three_rows() -> None:
    assert e_values.correlation(0.0, 3, 0.9) == 0.0
    assert e_values.correlation(math.nan, 100, 0.9) == 0.0
    assert e_values.correlation(1.0, 10_000, 0.9) < 0


def test_a_mixture_is_the_mean_of_its_bets() -> None:
    assert e_values.mixture((0.0, math.log(3))) == pytest.approx(math.log(2))
    assert e_values.mixture((2000.0, -2000.0)) == pytest.approx(2000 - math.log(2))
