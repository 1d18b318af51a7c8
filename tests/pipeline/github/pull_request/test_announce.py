"""What a pull request shows while it is measured."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipeline.github.client import posting
from pipeline.github.pull_request import announce
from tests.pipeline.github.conftest import RUN, Pipeline, Scene

pytestmark = pytest.mark.engine

NOW = ("--wait", "0.3", "--every", "0.1")


def announce_jobs(scene: Scene, pipeline: Pipeline, *jobs: dict[str, object]) -> str:
    if scene.run.get("status") is None:
        scene.run.update(status="queued", conclusion=None)
    scene.github.state["jobs"] = [{"run": RUN, "name": "train"} | job for job in jobs]
    code, printed = pipeline("announce", "--run", str(RUN), *NOW)
    assert code == 0, printed
    return printed


def test_a_run_that_has_a_runner_is_announced_once(scene: Scene, pipeline: Pipeline) -> None:
    announce_jobs(scene, pipeline, {"status": "in_progress", "labels": ["self-hosted", "gpu"]})
    (comment,) = scene.comments()
    assert comment["body"].startswith(f"<!-- pipeline-report run={RUN} attempt=1 head={scene.head} state=waiting -->\n")
    assert scene.status() == ("pending", "being measured")
    assert len(scene.github.calls("GET", "jobs")) == 1


def test_for_a_job_that_no_runner_takes_its_labels_are_named(scene: Scene, pipeline: Pipeline) -> None:
    announce_jobs(scene, pipeline, {"status": "queued", "labels": ["self-hosted", "gpu"]})
    (comment,) = scene.comments()
    assert "RUNNER_LABELS" in comment["body"]
    assert "gpu" in comment["body"]
    assert scene.status() == ("pending", "waiting for a runner: self-hosted, gpu")


def test_a_run_that_has_ended_is_not_announced(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["status"] = "completed"
    assert "has ended" in announce_jobs(scene, pipeline)
    assert not scene.comments()


def test_a_run_that_waits_for_approval_is_announced_when_it_starts(scene: Scene, pipeline: Pipeline) -> None:
    scene.run.update(status="completed", conclusion="action_required")
    assert "announced when it starts" in announce_jobs(scene, pipeline)
    assert not scene.comments()
    assert scene.status() is None
    scene.run.update(status="in_progress", conclusion=None)
    announce_jobs(scene, pipeline, {"status": "in_progress", "labels": ["ubuntu-latest"]})
    assert scene.status() == ("pending", "being measured")


def test_a_runner_that_comes_late_ends_what_was_said_about_waiting_for_one(scene: Scene, pipeline: Pipeline) -> None:
    """GitHub sends `in_progress` then."""
    announce_jobs(scene, pipeline, {"status": "queued", "labels": ["gpu"]})
    scene.run["status"] = "in_progress"
    announce_jobs(scene, pipeline, {"status": "in_progress", "labels": ["gpu"]})
    (comment,) = scene.comments()
    assert "Being measured" in comment["body"]
    assert scene.status() == ("pending", "being measured")


def test_an_answer_that_came_meanwhile_stays(scene: Scene, pipeline: Pipeline) -> None:
    assert pipeline("answer", "--run", str(RUN))[0] == 0
    answer = scene.comments()[0]["body"]
    scene.run["status"] = "queued"
    assert "answered already" in announce_jobs(scene, pipeline, {"status": "queued", "labels": ["gpu"]})
    assert scene.comments()[0]["body"] == answer
    assert scene.status() == ("pending", "recording what was measured")


def test_a_run_without_a_pull_request_says_so(scene: Scene, pipeline: Pipeline) -> None:
    scene.pull["state"] = "closed"
    assert "no open pull request" in announce_jobs(scene, pipeline)


def test_an_override_is_not_set_back_to_pending(scene: Scene, pipeline: Pipeline) -> None:
    scene.overrule()
    status = {"sha": scene.head, "state": "success", "context": "gate", "description": "overruled by maintainer: so"}
    scene.github.state["statuses"].append(status)
    announce_jobs(scene, pipeline, {"status": "in_progress", "labels": []})
    assert scene.status() == ("success", "overruled by maintainer: so")


OVERRULED = {"state": "success", "context": "gate", "description": "overruled by maintainer: so"}


def while_waiting(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Do something while the job waits for a runner."""
    ticks = itertools.count(step=0.15)  # one check, a sleep, and the last check
    clock = SimpleNamespace(sleep=lambda _: action(), monotonic=lambda: next(ticks))
    monkeypatch.setattr(announce, "time", clock)


def test_an_override_that_is_set_while_the_job_waits_is_not_set_back_to_pending(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overrule() -> None:
        scene.overrule()
        scene.github.state["statuses"].append(OVERRULED | {"sha": scene.head})

    while_waiting(monkeypatch, overrule)
    announce_jobs(scene, pipeline, {"status": "queued", "labels": ["gpu"]})
    assert scene.status() == ("success", "overruled by maintainer: so")


def test_an_override_whose_label_was_removed_is_set_back_to_pending(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["statuses"].append(OVERRULED | {"sha": scene.head})
    announce_jobs(scene, pipeline, {"status": "in_progress", "labels": []})
    assert scene.status() == ("pending", "being measured")


@pytest.mark.parametrize("state", ["success", "failure"])
def test_a_verdict_on_the_head_is_not_set_back_to_pending(scene: Scene, pipeline: Pipeline, state: str) -> None:
    status = {"sha": scene.head, "state": state, "context": "gate", "description": "x"}
    scene.github.state["statuses"].append(status)
    announce_jobs(scene, pipeline, {"status": "in_progress", "labels": []})
    assert scene.status() == (state, "x")


def test_a_head_that_moves_while_the_job_waits_is_not_announced_again(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_waiting(monkeypatch, lambda: scene.pull["head"].update(sha=scene.base))
    assert "outdated" in announce_jobs(scene, pipeline, {"status": "queued", "labels": ["gpu"]})
    assert "Being measured" in scene.comments()[0]["body"]
    assert scene.status() == ("pending", "being measured")


def test_an_answer_that_comes_while_the_comment_is_posted_keeps_its_status(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = posting.post

    def post_twice(number: int, marker: posting.Marker, text: str) -> str:
        url = post(number, marker, text)
        post(number, replace(marker, state="final"), "not measured")
        return url

    monkeypatch.setattr(posting, "post", post_twice)
    status = {"sha": scene.head, "state": "error", "context": "gate", "description": "not measured"}
    scene.github.state["statuses"].append(status)
    announce_jobs(scene, pipeline, {"status": "in_progress", "labels": []})
    assert scene.status() == ("error", "not measured")
