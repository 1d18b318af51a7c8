"""Evidence block by block: what only the candidate does adds up, what both do at the same time does not."""

import math

import pytest

from pipeline.core import params
from pipeline.ship.deploy import proof
from pipeline.ship.deploy.evidence import Latencies, Moments, Side
from pipeline.ship.deploy.proof import Proof
from tests.pipeline.conftest import FROZEN

BOUNDS = params.read(FROZEN / "params.yaml").deploy.model_copy(update={"confidence": 0.999})


def side(requests: int, errors: int = 0, refused: int = 0, slow: int = 0, mean: float = 0.3) -> Side:
    """`slow` requests take 100 ms, the others 10."""
    times = Latencies.of([100.0] * slow + [10.0] * (requests - slow))
    return Side(requests, errors, refused, times, Moments.of([mean - 0.2, mean + 0.2] * (requests // 2)))


def evidence(champion: Side, candidate: Side, blocks: int = 10) -> Proof:
    found = Proof(BOUNDS, side(1000), (0.0, 1.0), 0.0)
    for block in range(1, blocks + 1):
        found = found.add(champion, candidate, 10.0 * block)
    return found


def proven(found: Proof) -> list[str]:
    return [signal for signal in proof.SIGNALS if found.evidence(signal) > proof.needed(BOUNDS)]


@pytest.mark.parametrize(
    ("candidate", "signals"),
    [
        (side(100, errors=10), ["errors"]),
        (side(100, refused=10), ["refusals"]),
        (side(100, slow=20), ["latency"]),
        (side(100, mean=0.5), ["shift"]),
        (side(100, mean=0.1), ["shift"]),
        (side(100), []),
        (side(100, errors=1, refused=1, slow=1, mean=0.32), []),
    ],
)
def test_each_signal_proves_its_own_harm_and_no_other(candidate: Side, signals: list[str]) -> None:
    assert proven(evidence(side(900), candidate)) == signals


def test_what_hits_both_at_the_same_time_is_held_against_neither() -> None:
    both = evidence(side(900, errors=450, refused=90, slow=450, mean=0.7), side(100, 50, 10, 50, mean=0.7))
    assert proven(both) == []
    assert max(both.evidence(signal) for signal in proof.SIGNALS) <= 0


def test_a_shift_that_was_measured_is_tolerated_and_one_without_a_range_not_judged() -> None:
    shifted = side(100, mean=0.5)
    assert Proof(BOUNDS, side(1000), (0.0, 1.0), 0.2).add(side(900), shifted, 10).evidence("shift") <= 0
    assert Proof(BOUNDS, side(1000), None, 0.0).add(side(900), shifted, 10).evidence("shift") == 0
    assert Proof(BOUNDS, side(1000), (0.0, 1.0), None).add(side(900), shifted, 10).evidence("shift") == 0


def test_one_block_proves_nothing_however_bad_it_is() -> None:
    """Cold requests, or one stall of the candidate alone."""
    worst = side(200, errors=100, refused=100, slow=200, mean=0.9)
    found = evidence(side(900), worst, blocks=1)
    assert proven(found) == []
    assert found.evidence("errors") == pytest.approx(proof.MOST, abs=math.log(len(proof.EXCESSES)))
    assert found.evidence("latency") <= proof.MOST_LATENCY
    assert proven(evidence(side(900), worst, blocks=10)) == ["errors", "refusals", "latency", "shift"]


def test_a_block_ends_with_enough_seconds_and_requests_of_both() -> None:
    start = Proof(BOUNDS, side(1000), (0.0, 1.0), 0.0)
    many, few = side(100, errors=50), side(4)
    assert not start.add(many, many, 1.9).logs
    assert not start.add(many, side(24), 60).logs
    assert not start.add(few, many, 60).logs
    whole = start.add(side(500), many, 1.0).add(side(500), many, 2.0)
    assert whole.logs == start.add(side(1000), many + many, 2.0).logs
    assert (whole.since, whole.past, whole.candidate) == (2.0, side(1000) + side(1000), Side())


def test_without_a_past_the_first_block_only_tells_what_is_usual() -> None:
    first = Proof(BOUNDS, Side(), (0.0, 1.0), 0.0).add(side(100), side(100, slow=100), 10)
    assert first.evidence("latency") == 0


def test_a_latency_below_the_floor_is_never_slow() -> None:
    bounds = BOUNDS.model_copy(update={"latency_floor": 200.0})
    found = Proof(bounds, side(1000))
    for block in range(1, 20):
        found = found.add(side(900), side(100, slow=100), 10.0 * block)
    assert found.evidence("latency") <= 0


def test_the_error_rate_is_split_over_signals_and_steps() -> None:
    assert math.exp(proof.needed(BOUNDS)) == pytest.approx(5 * 3 / 0.001)


def test_rows_that_agree_too_little_are_proven() -> None:
    assert proof.agreement(100, 200, 0.9) > proof.needed(BOUNDS)
    assert proof.agreement(180, 200, 0.9) < 0
    assert proof.agreement(0, 5, 0.6) < proof.needed(BOUNDS)
