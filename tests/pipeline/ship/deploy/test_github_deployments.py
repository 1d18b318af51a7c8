"""A deployment is recorded in the host's ledger and on GitHub; a failure to record it never stops it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.github.client import api
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.release import ledger
from tests.pipeline.github.standin import StandIn
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost, release

A, B = release("a" * 12), release("b" * 12)


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    standin = StandIn({"repository": "octo/credit"})
    for name, value in standin.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(api, "RETRY_DELAYS", (0.01,))
    with standin:
        yield standin
    assert standin.state["violations"] == []


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def recorder(messages: list[str]) -> Recorder:
    return Recorder("production", "me", messages.append)


def states(github: StandIn) -> list[tuple[str, str]]:
    return [(status["state"], status["description"]) for status in github.state["deployment_statuses"]]


def test_a_deployment_that_serves_is_a_success_on_github(github: StandIn, recorder: Recorder) -> None:
    host = MemoryHost()
    recorder.start(host, A, None)
    recorder.serve(host, A)
    (deployment,) = github.state["deployments"]
    assert (deployment["ref"], deployment["environment"]) == (A.commit, "production")
    assert states(github)[-1] == ("success", f"release {A.id} serves")
    assert [(entry["event"], entry["github"]) for entry in host.entries] == [
        ("started", deployment["id"]),
        ("serving", deployment["id"]),
    ]


def test_a_failed_deployment_has_its_reason_within_githubs_limit(github: StandIn, recorder: Recorder) -> None:
    host = MemoryHost()
    recorder.start(host, A, None)
    recorder.fail(host, A, "slow " * 100)
    assert states(github)[-1] == ("failure", ("slow " * 100)[:140])
    assert host.entries[-1]["reason"] == "slow " * 100


def test_a_refusal_by_github_does_not_stop_a_deployment(
    github: StandIn, recorder: Recorder, messages: list[str]
) -> None:
    github.misbehave("POST", "deployments", status=403, times=None)
    host = MemoryHost()
    recorder.start(host, A, None)
    recorder.serve(host, A)
    assert [entry["event"] for entry in host.entries] == ["started", "serving"]
    assert messages[0].startswith("warning: GitHub has no record of this deployment")


def test_outside_a_workflow_github_is_not_called(
    recorder: Recorder, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    host = MemoryHost()
    recorder.start(host, A, None)
    recorder.serve(host, A)
    assert messages == []


def test_an_interrupted_deployment_is_recorded_by_the_next_command(github: StandIn, recorder: Recorder) -> None:
    host = MemoryHost(A)
    recorder.serve(host, A)
    recorder.start(host, B, A.id)
    Recorder("production", "next", print).reconcile(host)
    assert (host.entries[-1]["event"], host.entries[-1]["reason"]) == ("failed", ledger.GONE)
    assert states(github)[-1] == ("failure", ledger.GONE)


def test_an_unrecorded_promotion_is_recorded_by_the_next_command(github: StandIn, recorder: Recorder) -> None:
    host = MemoryHost(A)
    recorder.serve(host, A)
    recorder.start(host, B, A.id)
    host.serving = B
    Recorder("production", "next", print).reconcile(host)
    assert ledger.serving(host.entries) == B.id
    assert states(github)[-1] == ("success", f"release {B.id} serves")


def test_a_full_disk_does_not_undo_a_promotion(recorder: Recorder, messages: list[str]) -> None:
    host = MemoryHost(A)
    host.full = True
    recorder.serve(host, A)
    assert "No space left" in messages[0]
