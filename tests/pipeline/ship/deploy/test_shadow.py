"""The shadow step: what it asks, when it rests, and what it sends back, with services and a clock of the test's own."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core.errors import PipelineError
from pipeline.predictions.line import Flags, Line
from pipeline.ship.deploy import proof, replay, shadow
from pipeline.ship.deploy.canary import Expected
from pipeline.ship.deploy.deployment import ChampionStoppedError, Deployment
from pipeline.ship.deploy.evidence import Latencies, Pairs, Side
from pipeline.ship.deploy.steps import POLL_INTERVAL
from pipeline.ship.deploy.target import Answer
from pipeline.ship.release import ledger
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost, release
from tests.pipeline.ship.deploy.test_rollback import BOUNDS, RECORDER, A, B

MOMENT = datetime(2026, 11, 21, tzinfo=UTC)
SHADOW = BOUNDS.model_copy(update={"shadow": "1 min", "confidence": 0.999})
LIVE = Side(50, latencies=Latencies.of([10.0] * 50))  # of a look


def line(number: int, **features: float) -> dict[str, Any]:
    fixed = {"score": 1.0, "label": "yes", "time": MOMENT, "release": A.id, "ms": 1.0}
    return fixed | {"id": f"r{number}-0", "features": features or {"x": float(number)}}


def answer(status: int = 200, label: str = "yes", milliseconds: float = 10.0) -> Answer:
    prediction = {"id": "r", "score": 1.0, "label": label}
    return Answer(status, json.dumps({"predictions": [prediction]}), milliseconds)


class Host(MemoryHost):
    """A live rate of `rate` rows a look; `candidate` is what the candidate answers to each of them."""

    def __init__(self, candidate: Callable[[], Answer] = answer, rate: int = 10) -> None:
        super().__init__(A)
        self.candidate, self.rate = candidate, rate
        self.asked: dict[str, int] = {A.id: 0, B.id: 0}
        self.live: Callable[[], Side] = lambda: LIVE
        self.stopped = ""

    def predict(self, release: str, bodies: Sequence[Any], timeout: float) -> list[Answer]:
        self.asked[release] += len(bodies)
        return [self.candidate() if release == B.id else answer() for _ in bodies]

    def new_lines(self, release: str) -> list[dict[str, Any]]:
        return [line(number) for number in range(self.rate)]

    def requests(self) -> tuple[Side, Side]:
        return self.live(), Side()

    def exit_reason(self, release: str) -> str | None:
        return "exit status 137" if release == self.stopped else None

    def is_ready(self, release: str) -> bool:
        return False


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes by sleeping alone."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(shadow, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    monkeypatch.setattr("pipeline.ship.deploy.readiness.PAUSES", (0.0,))


def run(host: Host, messages: list[str] | None = None, pairs: Pairs | None = None) -> tuple[Side, Pairs]:
    say = (messages if messages is not None else []).append
    deployment = Deployment(B, None, SHADOW, say, RECORDER, "me")  # type: ignore[arg-type]  # the host is enough
    return shadow.run(deployment, host, A.id, Expected(0.95, 0.0), pairs or Pairs())


def test_the_candidate_is_asked_every_logged_row_and_the_champion_each_fifth() -> None:
    host, messages = Host(), list[str]()
    usual, pairs = run(host, messages)
    assert host.asked == {B.id: 1200, A.id: 240}  # 120 looks in a minute
    assert (usual.requests, pairs) == (120 * 50, Pairs(240, 240))
    assert messages[0] == "shadow: for 1 min the candidate answers again what clients ask, without their traffic"
    assert messages[1] == "shadow: 1200 rows answered"
    assert "failed 0.0% of 1200 requests (champion 0.0% of 240)" in messages[2]
    assert "agreement with the champion 1.000 on 240 rows" in messages[2]


def test_a_high_live_rate_is_capped() -> None:
    host = Host(rate=1000)
    run(host)
    assert host.asked == {B.id: 120 * shadow.MOST_ROWS, A.id: 120 * shadow.MOST_ROWS // shadow.CHAMPION_EVERY}


def test_without_a_time_or_without_traffic_nothing_is_asked_and_nobody_sent_back() -> None:
    host = Host(rate=0)
    assert run(host)[1] == Pairs()
    off = Deployment(B, None, BOUNDS, print, RECORDER, "me")  # type: ignore[arg-type]
    assert shadow.run(off, host, A.id, Expected(), Pairs(3, 3)) == (Side(), Pairs(3, 3))
    assert host.asked == {B.id: 0, A.id: 0}


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (lambda: answer(500), "shadow: failed 100.0% of "),
        (lambda: answer(0), "shadow: failed 100.0% of "),
        (lambda: answer(422), "shadow: refused 100.0% of "),
        (lambda: answer(milliseconds=100.0), "shadow: p99 "),
        (lambda: answer(label="no"), "shadow: agreement with the champion 0.000 on "),
    ],
)
def test_proven_harm_is_sent_back_before_it_gets_traffic(candidate: Callable[[], Answer], reason: str) -> None:
    host = Host(candidate)
    with pytest.raises(PipelineError) as bad:
        run(host)
    assert str(bad.value).startswith(reason)
    assert host.asked[B.id] < 1200


def test_a_suspicion_sends_nobody_back() -> None:
    answers = iter([answer(500)] * 20)
    messages = list[str]()
    run(Host(lambda: next(answers, answer())), messages)
    assert "failed 1.7% of 1200 requests" in messages[-1]


def test_the_agreement_of_the_replay_counts_on() -> None:
    with pytest.raises(PipelineError, match="agreement with the champion 0.0"):
        run(Host(), pairs=Pairs(400, 0))


def test_it_rests_while_the_champion_is_under_load() -> None:
    host, messages = Host(), list[str]()
    looks = iter([LIVE] * 10 + [Side(50, latencies=Latencies.of([100.0] * 50))])
    host.live = lambda: next(looks, LIVE)
    run(host, messages)
    resting = int(shadow.REST / POLL_INTERVAL)
    assert host.asked[B.id] == (120 - resting) * 10
    assert messages[1].endswith("; in 20 of 120 looks it rested, as the champion was under load")


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (LIVE, False),
        (Side(), False),
        (Side(50, latencies=Latencies.of([10.0] * 30 + [900.0] * 20)), False),  # the median is as usual
        (Side(50, latencies=Latencies.of([18.0] * 50)), False),  # below deploy.latency_floor
        (Side(50, latencies=Latencies.of([40.0] * 50)), True),
        (Side(50, errors=26), True),
        (Side(50, errors=25), False),
    ],
)
def test_load_is_what_clients_notice(live: Side, expected: bool) -> None:
    assert shadow.is_under_load(LIVE, live, SHADOW) is expected
    assert shadow.is_under_load(Side(), Side(9, latencies=Latencies.of([900.0] * 9)), SHADOW) is False


def test_a_freeze_or_a_candidate_that_stops_ends_it() -> None:
    frozen, stopped, without_champion = Host(), Host(), Host()
    frozen.record(ledger.freeze_entry("frozen", [], "ann", "an audit"))
    stopped.stopped, without_champion.stopped = B.id, A.id
    for host, kind, message in (
        (frozen, PipelineError, "shadow: deployments were frozen by ann"),
        (stopped, PipelineError, r"shadow: the candidate stopped \(exit status 137\)"),
        (without_champion, ChampionStoppedError, r"shadow: the champion stopped \(exit status 137\)"),
    ):
        with pytest.raises(kind, match=message):
            run(host)


def test_the_shadow_step_has_a_part_of_the_error_rate() -> None:
    assert proof.needed(SHADOW) > proof.needed(SHADOW.model_copy(update={"shadow": 0}))


@pytest.mark.parametrize(
    ("features", "flags", "omitted"),
    [
        ({"x": 1.0, "y": 2.0}, None, []),
        ({"x": 1.0}, Flags(missing=["y"]), []),  # no client sent it
        ({"x": 1.0}, None, ["y"]),
        ({"x": 1.0}, Flags(missing=["x"]), ["y"]),
    ],
)
def test_what_the_log_leaves_out_is_told_from_what_no_client_sends(
    features: dict[str, float], flags: Flags | None, omitted: list[str]
) -> None:
    row = Line("a-0", 1.0, "yes", None, flags, time=MOMENT, release="a", ms=1.0, features=features)
    assert replay.omitted(release("a" * 12, features=["x", "y"]), [row]) == omitted
    assert replay.omitted(None, [row]) == []
