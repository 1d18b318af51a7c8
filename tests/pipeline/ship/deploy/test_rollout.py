"""What the gate expects of a canary, and the smoke test, without containers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.core import params
from pipeline.predictions.line import Line
from pipeline.ship.deploy import rollout
from pipeline.ship.deploy.canary import Expected
from pipeline.ship.deploy.deployment import Deployment
from pipeline.ship.deploy.docker import host_agent
from pipeline.ship.deploy.evidence import Moments
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.scores import score_limits, scores
from pipeline.ship.deploy.target import Answer
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost, release

MEASURED = {"agreement": 0.9, "shift": 0.01}
ANOTHER = "what the gate measured was against another model, not this champion"


def deployment(messages: list[str], **changes: Any) -> Deployment:
    bounds = params.section(params.Deploy, FROZEN / params.PATH)
    target: Any = None  # the tests pass the host
    say = messages.append
    return Deployment(release("b", **changes), target, bounds, say, Recorder("e", "w", say), "w")


@pytest.mark.parametrize(
    ("changes", "expected", "warnings"),
    [
        ({"expected": MEASURED, "against": "m1"}, Expected(0.9, 0.01), []),
        (
            {"expected": MEASURED, "against": "m2"},
            Expected(),
            [ANOTHER],
        ),
        ({"expected": MEASURED}, Expected(), [ANOTHER]),
        ({"expected": {}}, Expected(), []),
    ],
)
def test_what_the_gate_measured_is_expected_only_of_the_model_that_it_was_measured_against(
    changes: dict[str, Any], expected: Expected, warnings: list[str]
) -> None:
    """After a rollback the champion is not the model of the commit before."""
    messages = list[str]()
    host = MemoryHost(release("a", model="m1"))

    assert rollout._expected(deployment(messages, **changes), host, "a") == expected
    assert [line.partition(":")[0] for line in messages] == warnings


def test_a_release_without_golden_rows_passes_the_smoke_test(monkeypatch: pytest.MonkeyPatch) -> None:
    def predict(_: MemoryHost, release: str, bodies: list[Any], timeout: float) -> list[Answer]:
        return [Answer(*answer) for answer in host_agent.send("127.0.0.1", 9, "POST", "/predict", bodies, timeout)]

    monkeypatch.setattr(MemoryHost, "predict", predict)
    rollout.smoke_test(release("b", golden=[]), MemoryHost())


def line(identity: str, score: float, label: str | None = None) -> Line:
    return Line(identity, score, label, time=datetime.now(UTC), release="a", ms=1.0, features={})


def test_a_request_has_one_score_clipped_to_the_range_that_was_seen_before() -> None:
    before = [line("a-0", 2.0), line("b-0", 6.0)]
    assert score_limits(before) == (2.0, 6.0)
    lines = [line("c-0", 3.0), line("c-1", 5.0), line("d-0", 1e9)]
    assert scores(lines, (2.0, 6.0)) == Moments.of([4.0, 6.0])
    assert scores(lines, None) == Moments.of([4.0, 1e9])


def test_the_range_of_a_classification_is_known_and_that_of_a_regression_without_a_log_is_not() -> None:
    assert score_limits([line("a-0", 0.4, "yes")]) == (0.0, 1.0)
    assert score_limits([]) is None
