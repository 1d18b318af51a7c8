"""The judge: proven harm rolls back, suspicion and small counts hold, equal sides are promoted."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import params
from pipeline.core.params import Deploy
from pipeline.ship.deploy.canary import MIN_COUNT, Expected, Verdict, judge
from pipeline.ship.deploy.evidence import Latencies, Moments, Pairs, Side
from tests.pipeline.conftest import FROZEN

SAMPLE = params.read(FROZEN / "params.yaml").deploy
BOUNDS = SAMPLE.model_copy(update={"min_requests": 100})
MEASURED = Expected(agreement=0.95, shift=0.02)
AGREED = Pairs(500, 0.95)
counts = st.integers(0, 5000)


def side(requests: int, errors: int = 0, refused: int = 0, ms: float = 10, mean: float = 0.3) -> Side:
    answered = requests - errors
    half = [mean - 0.2, mean + 0.2] * (requests // 2)
    return Side(requests, errors, refused, Latencies.of([ms] * answered), Moments.of(half))


CHAMPION = side(2000)


def verdict(candidate: Side, pairs: Pairs = AGREED, seconds: float = 1, champion: Side = CHAMPION) -> Verdict:
    return judge(champion, candidate, pairs, MEASURED, BOUNDS, seconds)


@pytest.mark.parametrize(
    ("candidate", "pairs", "reason"),
    [
        (side(100, errors=30), AGREED, "failed 30.0% of 100 requests (champion 0.0% of 2000)"),
        (side(100, refused=30), AGREED, "refused 30.0%"),
        (side(100, ms=100), AGREED, "p99 "),
        (side(100, mean=0.9), AGREED, "mean score +0.6 against the champion's, the gate measured +0.02"),
        (side(100), Pairs(200, 0.5), "agreement with the champion 0.500 on 200 rows, bound 0.900"),
        (side(100), Pairs(200, 0.5, is_correlation=True), "correlation with the champion 0.500"),
    ],
)
def test_proven_harm_rolls_back_and_is_named(candidate: Side, pairs: Pairs, reason: str) -> None:
    result = verdict(candidate, pairs)
    assert result.decision == "roll back"
    assert [line for line in result.reasons if line.startswith(reason)] == list(result.reasons)


def test_requests_that_are_in_no_log_are_no_evidence() -> None:
    unlogged = Side(100, latencies=Latencies.of([10] * 100))
    result = verdict(unlogged)
    assert result.decision == "hold"
    assert result.reasons == ("the candidate's predictions are not in its log (a full disk?): nothing to judge",)
    assert verdict(unlogged, seconds=BOUNDS.deadline).decision == "roll back"


def test_an_equal_candidate_is_promoted_with_its_figures() -> None:
    result = verdict(side(100, mean=0.32))
    assert result.decision == "promote"
    assert len(result.reasons) == 5


def test_too_few_requests_hold_until_the_deadline_and_then_roll_back() -> None:
    assert verdict(side(50)).reasons == ("50 of 100 requests",)
    late = verdict(side(50), seconds=BOUNDS.deadline)
    assert late.decision == "roll back"
    assert late.reasons == ("no clear result within 1800 s: 50 of 100 requests",)


def test_a_suspicion_holds_until_more_is_known() -> None:
    few = verdict(side(100, errors=2))
    assert (few.decision, few.reasons) == ("hold", ("failed 2.0% of 100 requests (champion 0.0% of 2000)",))
    assert verdict(side(10_000, errors=200)).decision == "roll back"
    assert verdict(side(10_000, errors=50)).decision == "promote"


def test_a_difference_that_the_gate_measured_is_not_held_against_the_candidate() -> None:
    better = side(1000, mean=0.5)
    assert verdict(better).decision == "roll back"
    result = judge(CHAMPION, better, Pairs(500, 0.6), Expected(0.6, 0.2), BOUNDS, 1)
    assert result.decision == "promote"


def test_a_shift_that_the_gate_did_not_measure_is_shown_and_not_judged() -> None:
    result = judge(CHAMPION, side(100, mean=0.9), Pairs(500, 0.9), Expected(), BOUNDS, 1)
    assert result.decision == "promote"
    assert sum("not judged: the gate measured none" in reason for reason in result.reasons) == 1


@pytest.mark.parametrize("is_correlation", [False, True])
@pytest.mark.parametrize("measured", [None, 0.225, 0.62])
def test_a_low_agreement_is_refused_whatever_was_measured(measured: float | None, is_correlation: bool) -> None:
    """A model that was trained on shuffled labels agrees on live rows just as it did on the test rows."""
    pairs = Pairs(500, measured or 0.225, is_correlation)
    result = judge(CHAMPION, side(100), pairs, Expected(measured, 0.0), BOUNDS, 1)
    assert result.decision == ("promote" if measured == 0.62 else "roll back")
    source = "the gate measured none" if measured is None else f"the gate measured {measured:.3f}"
    assert any(f"bound 0.600 (deploy.min_agreement; {source})" in reason for reason in result.reasons)


def test_a_fast_service_may_be_slower_within_the_floor() -> None:
    fast = side(2000, ms=1)
    assert verdict(side(200, ms=BOUNDS.latency_floor * 0.9), champion=fast).decision == "promote"
    assert verdict(side(200, ms=BOUNDS.latency_floor * 1.2), champion=fast).decision == "roll back"


@given(requests=st.integers(0, MIN_COUNT - 1), errors=st.integers(0, 20), refused=st.integers(0, 20))
def test_a_small_count_never_rolls_back(requests: int, errors: int, refused: int) -> None:
    candidate = side(requests, min(errors, requests), min(refused, requests), ms=9999, mean=0.99)
    assert verdict(candidate, Pairs(MIN_COUNT - 1, 0.0)).decision == "hold"


@given(requests=st.integers(1, 5000), errors=counts, more=counts)
def test_more_errors_never_make_a_verdict_better(requests: int, errors: int, more: int) -> None:
    order = ["roll back", "hold", "promote"]
    fewer, worse = min(errors, requests), min(errors + more, requests)
    better, poorer = (verdict(side(requests, failed, ms=10)).decision for failed in (fewer, worse))
    assert order.index(poorer) <= order.index(better)


@given(errors=counts, requests=counts, seconds=st.floats(0, 1e6), mean=st.floats(0, 1), ms=st.floats(0.1, 1e6))
def test_nothing_holds_beyond_the_deadline(errors: int, requests: int, seconds: float, mean: float, ms: float) -> None:
    result = verdict(side(requests, min(errors, requests), ms=ms, mean=mean), seconds=BOUNDS.deadline + seconds)
    assert result.decision != "hold"


def test_equal_sides_that_are_judged_again_and_again_roll_back_in_less_than_one_of_fifty_deployments() -> None:
    rolled_back = sum(_deployment(random.Random(seed), BOUNDS) for seed in range(300))  # noqa: S311
    assert rolled_back <= 6


def _deployment(draw: random.Random, bounds: Deploy) -> bool:
    """One step of two equal services, 1 % of whose requests fail, judged after every 10 requests of the candidate."""
    champion, candidate = Side(), Side()
    for _ in range(60):
        champion += _draw_side(draw, 30)
        candidate += _draw_side(draw, 10)
        decision = judge(champion, candidate, Pairs(), Expected(None, 0.0), bounds, 1).decision
        if decision != "hold":
            return decision == "roll back"
    return False


def _draw_side(draw: random.Random, count: int) -> Side:
    errors = sum(draw.random() < 0.01 for _ in range(count))
    times: Any = Latencies.of(draw.lognormvariate(3.5, 0.6) for _ in range(count - errors))
    return Side(count, errors, 0, times, Moments.of(draw.betavariate(1, 3) for _ in range(count)))
