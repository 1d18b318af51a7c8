"""The judge: proven harm goes back, suspicion and small counts hold, equals go on."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import params
from pipeline.core.params import Deploy
from pipeline.ship.deploy.canary import FEWEST, Expected, Verdict, judge
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


def judged(candidate: Side, pairs: Pairs = AGREED, seconds: float = 1, champion: Side = CHAMPION) -> Verdict:
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
def test_proven_harm_goes_back_and_is_named(candidate: Side, pairs: Pairs, reason: str) -> None:
    verdict = judged(candidate, pairs)
    assert verdict.decision == "go back"
    assert [told for told in verdict.reasons if told.startswith(reason)] == list(verdict.reasons)


def test_requests_that_are_in_no_log_are_no_evidence() -> None:
    unlogged = Side(100, latencies=Latencies.of([10] * 100))
    verdict = judged(unlogged)
    assert verdict.decision == "hold"
    assert verdict.reasons == ("the candidate's predictions are not in its log (a full disk?): nothing to judge",)
    assert judged(unlogged, seconds=BOUNDS.deadline).decision == "go back"


def test_an_equal_candidate_goes_on_with_its_figures() -> None:
    verdict = judged(side(100, mean=0.32))
    assert verdict.decision == "go on"
    assert len(verdict.reasons) == 5


def test_too_few_requests_hold_until_the_deadline_and_then_go_back() -> None:
    assert judged(side(50)).reasons == ("50 of 100 requests",)
    late = judged(side(50), seconds=BOUNDS.deadline)
    assert late.decision == "go back"
    assert late.reasons == ("nothing clear within 1800 s: 50 of 100 requests",)


def test_a_suspicion_holds_until_more_is_known() -> None:
    few = judged(side(100, errors=2))
    assert (few.decision, few.reasons) == ("hold", ("failed 2.0% of 100 requests (champion 0.0% of 2000)",))
    assert judged(side(10_000, errors=200)).decision == "go back"
    assert judged(side(10_000, errors=50)).decision == "go on"


def test_a_difference_that_the_gate_measured_is_none() -> None:
    better = side(1000, mean=0.5)
    assert judged(better).decision == "go back"
    told = judge(CHAMPION, better, Pairs(500, 0.6), Expected(0.6, 0.2), BOUNDS, 1)
    assert told.decision == "go on"


def test_what_the_gate_did_not_measure_is_shown_and_not_judged() -> None:
    told = judge(CHAMPION, side(100, mean=0.9), Pairs(500, 0.1), Expected(), BOUNDS, 1)
    assert told.decision == "go on"
    assert sum("not judged: the gate measured none" in reason for reason in told.reasons) == 2


def test_a_fast_service_may_be_slower_within_the_floor() -> None:
    fast = side(2000, ms=1)
    assert judged(side(200, ms=BOUNDS.latency_floor * 0.9), champion=fast).decision == "go on"
    assert judged(side(200, ms=BOUNDS.latency_floor * 1.2), champion=fast).decision == "go back"


@given(requests=st.integers(0, FEWEST - 1), errors=st.integers(0, 20), refused=st.integers(0, 20))
def test_no_small_count_ever_goes_back(requests: int, errors: int, refused: int) -> None:
    candidate = side(requests, min(errors, requests), min(refused, requests), ms=9999, mean=0.99)
    assert judged(candidate, Pairs(FEWEST - 1, 0.0)).decision == "hold"


@given(requests=st.integers(1, 5000), errors=counts, more=counts)
def test_more_errors_never_make_a_verdict_better(requests: int, errors: int, more: int) -> None:
    order = ["go back", "hold", "go on"]
    fewer, worse = min(errors, requests), min(errors + more, requests)
    told = [judged(side(requests, failed, ms=10)).decision for failed in (fewer, worse)]
    assert order.index(told[1]) <= order.index(told[0])


@given(errors=counts, requests=counts, seconds=st.floats(0, 1e6), mean=st.floats(0, 1), ms=st.floats(0.1, 1e6))
def test_nothing_holds_beyond_the_deadline(errors: int, requests: int, seconds: float, mean: float, ms: float) -> None:
    told = judged(side(requests, min(errors, requests), ms=ms, mean=mean), seconds=BOUNDS.deadline + seconds)
    assert told.decision != "hold"


def test_equal_sides_that_are_looked_at_all_the_time_go_back_in_less_than_one_of_fifty_deployments() -> None:
    back = sum(_deployment(random.Random(seed), BOUNDS) for seed in range(300))  # noqa: S311
    assert back <= 6


def _deployment(draw: random.Random, bounds: Deploy) -> bool:
    """One step of two equal services, 1 % of whose requests fail, looked at after each 10 requests of the candidate."""
    champion, candidate = Side(), Side()
    for _ in range(60):
        champion += _drawn(draw, 30)
        candidate += _drawn(draw, 10)
        told = judge(champion, candidate, Pairs(), Expected(None, 0.0), bounds, 1).decision
        if told != "hold":
            return told == "go back"
    return False


def _drawn(draw: random.Random, count: int) -> Side:
    errors = sum(draw.random() < 0.01 for _ in range(count))
    times: Any = Latencies.of(draw.lognormvariate(3.5, 0.6) for _ in range(count - errors))
    return Side(count, errors, 0, times, Moments.of(draw.betavariate(1, 3) for _ in range(count)))
