"""Counts that add up, quantiles of a histogram, agreement of rows."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.predictions.line import Prediction
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
    assert pair(labels, [Prediction("c", 0.1, "no"), Prediction("d", 0.2, "no")]) == Pairs(2, 1)
    assert Pairs(2, 1).agreement == 0.5
    values = [Prediction("", value) for value in (1.0, 2.0, 4.0)]
    pairs = pair(values, [Prediction("", -value.score) for value in values])
    assert (pairs.count, pairs.is_correlation) == (3, True)
    assert pairs.agreement == pytest.approx(-1)
    assert pair([], []).count == 0


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=30), st.integers(0, 30))
def test_correlations_add_up_row_by_row(values: list[tuple[float, float]], cut: int) -> None:
    """A look may bring a single row, which has no correlation of its own."""
    first, second = ([Prediction("", number) for number in side] for side in zip(*values, strict=True))
    whole, parts = pair(first, second), pair(first[:cut], second[:cut]) + pair(first[cut:], second[cut:])
    assert parts.count == whole.count == len(values)
    assert (parts.first.total, parts.products) == pytest.approx((whole.first.total, whole.products))


def test_the_correlation_is_that_of_the_standard_library() -> None:
    draw = random.Random(0)  # noqa: S311
    first = [draw.gauss(50, 5) for _ in range(40)]
    second = [value + draw.gauss(0, 3) for value in first]
    sides = [[Prediction("", number) for number in side] for side in (first, second)]
    whole = sum((pair([one], [other]) for one, other in zip(*sides, strict=True)), Pairs())
    assert whole.agreement == pytest.approx(statistics.correlation(first, second))


def test_latencies_above_a_limit_are_those_above_its_bin() -> None:
    latencies = Latencies.of([1, 9, 11, 500, 1e9])
    assert latencies.above(0) == 5
    assert latencies.above(10) == 3
    assert latencies.above(1e8) == 0  # the open bin
