"""The judge: proven harm rolls back, suspicion and small counts hold, equal sides are promoted."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import params
from pipeline.core.params import Deploy
from pipeline.ship.deploy.canary import Expected, Verdict, judge
from pipeline.ship.deploy.evidence import Latencies, Moments, Pairs, Side
from pipeline.ship.deploy.proof import BLOCK_REQUESTS, Proof
from tests.pipeline.conftest import FROZEN

SAMPLE = params.read(FROZEN / "params.yaml").deploy
BOUNDS = SAMPLE.model_copy(update={"min_requests": 400, "confidence": 0.999})
MEASURED = Expected(agreement=0.95, shift=0.02)
AGREED = Pairs(500, 475)
BLOCKS = 10
counts = st.integers(0, 5000)


def side(requests: int, errors: int = 0, refused: int = 0, ms: float = 10, mean: float = 0.3) -> Side:
    answered = requests - errors
    half = [mean - 0.2, mean + 0.2] * (requests // 2)
    return Side(requests, errors, refused, Latencies.of([ms] * answered), Moments.of(half))


def correlated(count: int, share: float) -> Pairs:
    """Pairs whose correlation is `share`."""
    half = Moments(count, 0.0, float(count))
    return Pairs(count, 0, half, half, share * count)


CHAMPION = side(2000)


def blocks(champion: Side, candidate: Side, shift: float | None = 0.02, bounds: Deploy = BOUNDS) -> Proof:
    """The evidence after `BLOCKS` blocks in which both did a part of all that they did."""
    evidence = Proof(bounds, champion, (0.0, 1.0), shift)
    for block in range(BLOCKS):
        evidence = evidence.add(_part(champion, block), _part(candidate, block), 10.0 * (block + 1))
    return evidence


def _part(whole: Side, block: int) -> Side:
    def part(number: int) -> int:
        return number * (block + 1) // BLOCKS - number * block // BLOCKS

    times, scores = Latencies(tuple(map(part, whole.latencies.counts))), whole.scores
    moments = Moments(part(scores.count), scores.total / BLOCKS, scores.squares / BLOCKS)
    return Side(part(whole.requests), part(whole.errors), part(whole.refused), times, moments)


def verdict(candidate: Side, pairs: Pairs = AGREED, seconds: float = 1, champion: Side = CHAMPION) -> Verdict:
    return judge(champion, candidate, pairs, blocks(champion, candidate), MEASURED, BOUNDS, seconds)


@pytest.mark.parametrize(
    ("candidate", "pairs", "reason"),
    [
        (side(400, errors=120), AGREED, "failed 30.0% of 400 requests (champion 0.0% of 2000)"),
        (side(400, refused=120), AGREED, "refused 30.0%"),
        (side(400, ms=100), AGREED, "p99 "),
        (side(400, mean=0.8), AGREED, "mean score +0.5 against the champion's, the gate measured +0.02"),
        (side(400), Pairs(200, 100), "agreement with the champion 0.500 on 200 rows, bound 0.900"),
        (side(400), correlated(200, 0.5), "correlation with the champion 0.500"),
    ],
)
def test_proven_harm_rolls_back_and_is_named(candidate: Side, pairs: Pairs, reason: str) -> None:
    result = verdict(candidate, pairs)
    assert result.decision == "roll back"
    assert [line for line in result.reasons if line.startswith(reason)] == list(result.reasons)


def test_requests_that_are_in_no_log_are_no_evidence() -> None:
    unlogged = Side(400, latencies=Latencies.of([10] * 400))
    result = verdict(unlogged)
    assert result.decision == "hold"
    assert result.reasons == ("the candidate's predictions are not in its log (a full disk?): nothing to judge",)
    assert verdict(unlogged, seconds=BOUNDS.deadline).decision == "roll back"


def test_an_equal_candidate_is_promoted_with_its_figures() -> None:
    result = verdict(side(400, mean=0.32))
    assert result.decision == "promote"
    assert len(result.reasons) == 5


def test_too_few_requests_hold_until_the_deadline_and_then_roll_back() -> None:
    assert verdict(side(50)).reasons == ("50 of 400 requests",)
    late = verdict(side(50), seconds=BOUNDS.deadline)
    assert late.decision == "roll back"
    assert late.reasons == ("too little to judge by within 1800 s: 50 of 400 requests",)


def test_a_suspicion_holds_until_more_is_known() -> None:
    few = verdict(side(400, errors=8))
    assert (few.decision, few.reasons) == ("hold", ("failed 2.0% of 400 requests (champion 0.0% of 2000)",))
    assert verdict(side(10_000, errors=500)).decision == "roll back"
    assert verdict(side(10_000, errors=50)).decision == "promote"


def test_a_suspicion_that_nothing_proves_until_the_deadline_is_named_and_counts_no_more() -> None:
    late = verdict(side(400, errors=8), seconds=BOUNDS.deadline)
    assert late.decision == "promote"
    assert late.reasons[0] == "nothing is proven within 1800 s"
    assert late.reasons[1] == "failed 2.0% of 400 requests (champion 0.0% of 2000)"


def test_a_difference_that_the_gate_measured_is_not_held_against_the_candidate() -> None:
    better = side(1000, mean=0.5)
    assert verdict(better).decision == "roll back"
    result = judge(CHAMPION, better, Pairs(500, 300), blocks(CHAMPION, better, 0.2), Expected(0.6, 0.2), BOUNDS, 1)
    assert result.decision == "promote"


def test_a_shift_that_the_gate_did_not_measure_is_shown_and_not_judged() -> None:
    other = side(400, mean=0.8)
    result = judge(CHAMPION, other, Pairs(500, 450), blocks(CHAMPION, other, None), Expected(), BOUNDS, 1)
    assert result.decision == "promote"
    assert sum("not judged: the gate measured none" in reason for reason in result.reasons) == 1


@pytest.mark.parametrize("is_correlation", [False, True])
@pytest.mark.parametrize("measured", [None, 0.225, 0.62])
def test_a_low_agreement_is_refused_whatever_was_measured(measured: float | None, is_correlation: bool) -> None:
    """A model that was trained on shuffled labels agrees on live rows just as it did on the test rows."""
    share = measured or 0.225
    pairs = correlated(500, share) if is_correlation else Pairs(500, round(500 * share))
    equal = side(400)
    result = judge(CHAMPION, equal, pairs, blocks(CHAMPION, equal), Expected(measured, 0.0), BOUNDS, 1)
    assert result.decision == ("promote" if measured == 0.62 else "roll back")
    source = "the gate measured none" if measured is None else f"the gate measured {measured:.3f}"
    assert any(f"bound 0.600 (deploy.min_agreement; {source})" in reason for reason in result.reasons)


def test_a_fast_service_may_be_slower_within_the_floor() -> None:
    fast = side(2000, ms=1)
    assert verdict(side(400, ms=BOUNDS.latency_floor * 0.9), champion=fast).decision == "promote"
    assert verdict(side(400, ms=BOUNDS.latency_floor * 1.2), champion=fast).decision == "roll back"


@given(requests=st.integers(0, BLOCK_REQUESTS - 1), errors=st.integers(0, 20), refused=st.integers(0, 20))
def test_a_small_count_never_rolls_back(requests: int, errors: int, refused: int) -> None:
    candidate = side(requests, min(errors, requests), min(refused, requests), ms=9999, mean=0.8)
    evidence = Proof(BOUNDS, CHAMPION, (0.0, 1.0), 0.0).add(CHAMPION, candidate, 1000)
    assert judge(CHAMPION, candidate, Pairs(2, 0), evidence, MEASURED, BOUNDS, 1).decision == "hold"


@given(requests=st.integers(1, 5000), errors=counts, more=counts)
def test_more_errors_never_make_a_verdict_better(requests: int, errors: int, more: int) -> None:
    order = ["roll back", "hold", "promote"]
    fewer, worse = min(errors, requests), min(errors + more, requests)
    better, poorer = (verdict(side(requests, failed, ms=10)).decision for failed in (fewer, worse))
    assert order.index(poorer) <= order.index(better)


@given(errors=counts, requests=counts, seconds=st.floats(0, 1e6), mean=st.floats(0.2, 0.8), ms=st.floats(0.1, 1e6))
def test_nothing_holds_beyond_the_deadline(errors: int, requests: int, seconds: float, mean: float, ms: float) -> None:
    result = verdict(side(requests, min(errors, requests), ms=ms, mean=mean), seconds=BOUNDS.deadline + seconds)
    assert result.decision != "hold"


def test_equal_sides_that_are_judged_again_and_again_are_told_apart_in_no_deployment() -> None:
    decisions = [_deployment(random.Random(seed), BOUNDS) for seed in range(50)]  # noqa: S311
    assert "roll back" not in decisions
    assert decisions.count("promote") > 40  # a few are still suspected


def _deployment(draw: random.Random, bounds: Deploy) -> str:
    """One step of two equal services, 1 % of whose requests fail, more in a burst; ten slow requests are cold."""
    champion = _draw_side(draw, 300)
    candidate, evidence, decision = Side(), Proof(bounds, champion, (0.0, 1.0), 0.0), "hold"
    cold = Side(10, latencies=Latencies.of([150.0] * 10))
    for look in range(30):
        chance = 0.1 if draw.random() < 0.1 else 0.01
        new = _draw_side(draw, 60, chance), _draw_side(draw, 20, chance) + (cold if look == 0 else Side())
        champion, candidate = champion + new[0], candidate + new[1]
        evidence = evidence.add(*new, 3.0 * (look + 1))
        decision = judge(champion, candidate, Pairs(), evidence, Expected(None, 0.0), bounds, 1).decision
        if decision != "hold":
            break
    return decision


def _draw_side(draw: random.Random, count: int, chance: float = 0.01) -> Side:
    errors = sum(draw.random() < chance for _ in range(count))
    times: Any = Latencies.of(draw.lognormvariate(3.5, 0.6) for _ in range(count - errors))
    return Side(count, errors, 0, times, Moments.of(draw.betavariate(1, 3) for _ in range(count)))
