"""Counts that add up, quantiles of a histogram, and the limits that the judge draws from them."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.predictions.line import Prediction
from pipeline.ship.deploy import intervals
from pipeline.ship.deploy.evidence import Latencies, Moments, Pairs, Side, pair

numbers = st.lists(st.floats(-1e3, 1e3), max_size=50)
times = st.lists(st.floats(0.01, 60_000), min_size=1, max_size=200)


@given(times, times)
def test_sides_add_up(first: list[float], second: list[float]) -> None:
    sides = [Side(len(part), 1, 2, Latencies.of(part), Moments.of(part)) for part in (first, second)]
    values = first + second
    both, whole = sides[0] + sides[1], Side(len(values), 2, 4, Latencies.of(values), Moments.of(values))
    assert (both.requests, both.errors, both.refused, both.latencies) == (
        whole.requests,
        whole.errors,
        whole.refused,
        whole.latencies,
    )
    assert both.scores.mean == pytest.approx(whole.scores.mean)


@given(times, st.floats(0.01, 1))
def test_a_ranked_latency_is_at_most_a_bin_above_the_true_one(values: list[float], share: float) -> None:
    rank = max(1, math.ceil(share * len(values)))
    true, ranked = sorted(values)[rank - 1], Latencies.of(values).ranked(rank)
    assert ranked >= true
    assert ranked <= max(true * 1.1 * 1.0001, 0.5)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_the_variance_is_the_samples(values: list[float]) -> None:
    assert Moments.of(values).variance == pytest.approx(statistics.variance(values), abs=1e-4)


def test_pairs_agree_by_label_or_correlate_by_score() -> None:
    labels = [Prediction("a", 0.4, "no"), Prediction("b", 0.6, "yes")]
    assert pair(labels, [Prediction("c", 0.1, "no"), Prediction("d", 0.2, "no")]) == Pairs(2, 0.5)
    values = [Prediction("", value) for value in (1.0, 2.0, 4.0)]
    pairs = pair(values, [Prediction("", -value.score) for value in values])
    assert (pairs.count, pairs.is_correlation) == (3, True)
    assert pairs.agreement == pytest.approx(-1)
    assert pair([], []).count == 0


@pytest.mark.parametrize(("true", "count"), [(0.02, 100), (0.3, 50), (0.5, 1000)])
def test_the_limit_of_a_share_is_wrong_as_rarely_as_its_confidence_says(true: float, count: int) -> None:
    draw, z = random.Random(0), intervals.quantile(0.99)  # noqa: S311
    wrong = sum(
        intervals.wilson(sum(draw.random() < true for _ in range(count)), count, z)[0] > true for _ in range(2000)
    )
    assert wrong / 2000 < 0.03


def test_the_rank_of_a_quantile_is_a_lower_limit() -> None:
    draw, z = random.Random(0), intervals.quantile(0.99)  # noqa: S311
    rank = intervals.quantile_rank(200, 0.99, z)
    wrong = sum(sorted(draw.random() for _ in range(200))[rank - 1] > 0.99 for _ in range(2000))
    assert 0 < rank <= 200
    assert wrong / 2000 < 0.03
    assert intervals.quantile_rank(0, 0.99, z) == 0


def test_without_counts_the_limits_are_the_widest() -> None:
    assert intervals.wilson(0, 0, 3) == (0, 1)
    assert intervals.correlation(math.nan, 0, 3) == (-1, 1)
    assert intervals.difference_lower_limit(0, 0, 0, 0, 3) < 0
