"""A run that measured nothing, as it was cancelled or never started: its announcement must not stay for ever."""

import pytest

from tests.pipeline.github.conftest import NUMBER, RUN, Pipeline, Scene

pytestmark = pytest.mark.engine

WAIT = ("--wait", "0", "--every", "1")
PENDING = ("pending", "being measured")


@pytest.fixture(autouse=True)
def announce(scene: Scene, pipeline: Pipeline) -> None:
    scene.run.update(status="queued", conclusion=None)
    scene.github.state["jobs"] = [{"run": RUN, "name": "train", "status": "in_progress"}]
    assert pipeline("announce", "--run", str(RUN), *WAIT)[0] == 0
    scene.run.update(status="completed", conclusion="cancelled")


def answer(pipeline: Pipeline) -> str:
    code, printed = pipeline("answer", "--run", str(RUN))
    assert code == 0, printed
    return printed


def test_its_announcement_is_replaced_by_how_to_go_on(scene: Scene, pipeline: Pipeline) -> None:
    answer(pipeline)
    (comment,) = scene.comments()
    assert "state=final" in comment["body"]
    assert "the run was cancelled (or ran out of time); re-run it" in comment["body"]
    assert scene.status() == ("error", "the run was cancelled (or ran out of time); re-run it")


def test_a_re_run_is_announced_and_answered_in_its_place(scene: Scene, pipeline: Pipeline) -> None:
    answer(pipeline)
    scene.run.update(run_attempt=2, status="queued", conclusion=None)
    assert pipeline("announce", "--run", str(RUN), *WAIT)[0] == 0
    assert scene.status() == PENDING
    scene.run.update(status="completed", conclusion="success")
    answer(pipeline)
    assert scene.status() == ("pending", "recording what was measured")
    assert len(scene.comments()) == 1


@pytest.mark.parametrize(
    ("conclusion", "reason"),
    [
        ("skipped", "compare this branch's train.yaml with main's"),
        ("stale", "GitHub gave the run up before it ended; re-run it"),
        ("neutral", "the run ended without a result; re-run it"),
        ("startup_failure", "is this branch's train.yaml valid?"),
    ],
)
def test_each_conclusion_without_a_measurement_has_its_reason(
    scene: Scene, pipeline: Pipeline, conclusion: str, reason: str
) -> None:
    scene.run["conclusion"] = conclusion
    answer(pipeline)
    state, description = scene.status() or ("", "")
    assert state == "error"
    assert reason in description


def test_a_run_that_was_not_announced_is_answered_too(scene: Scene, pipeline: Pipeline) -> None:
    """One that a workflow's own token has started, or that GitHub could not start."""
    scene.github.state["comments"] = []
    answer(pipeline)
    assert (scene.status() or ("", ""))[0] == "error"
    assert len(scene.comments()) == 1


def test_a_newer_run_that_waits_for_approval_does_not_count(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["runs"].append(scene.run | {"id": RUN + 1, "conclusion": "action_required"})
    answer(pipeline)
    assert (scene.status() or ("", ""))[0] == "error"


@pytest.mark.parametrize("state", ["queued", "completed"])
def test_where_a_newer_run_follows_nothing_is_posted(scene: Scene, pipeline: Pipeline, state: str) -> None:
    scene.github.state["runs"].append(scene.run | {"id": RUN + 1, "status": state})
    before = scene.comments()[0]["body"]
    assert "nothing to answer" in answer(pipeline)
    assert scene.comments()[0]["body"] == before
    assert scene.status() == PENDING


def test_a_newer_run_of_another_forks_branch_does_not_count(scene: Scene, pipeline: Pipeline) -> None:
    other = {"id": RUN + 1, "head_repository": "eve/credit", "head_sha": scene.base}
    scene.github.state["runs"].append(scene.run | other)
    answer(pipeline)
    assert scene.status() != PENDING


def test_an_answer_on_the_same_commit_stays(scene: Scene, pipeline: Pipeline) -> None:
    scene.comments()[0]["body"] = before = scene.comments()[0]["body"].replace("state=waiting", "state=final")
    assert "nothing to answer" in answer(pipeline)
    assert scene.comments()[0]["body"] == before
    assert scene.status() == PENDING


def test_a_head_that_has_moved_on_is_left_alone(scene: Scene, pipeline: Pipeline) -> None:
    scene.push({"src/features.py": "more = 2\n"}, "Again")
    assert "outdated" in answer(pipeline)
    assert scene.status() == PENDING


def test_an_override_stays(scene: Scene, pipeline: Pipeline) -> None:
    scene.overrule()
    status = {"sha": scene.head, "state": "success", "context": "gate", "description": "overruled by maintainer: why"}
    scene.github.state["statuses"].append(status)
    answer(pipeline)
    assert (scene.status() or ("", ""))[0] == "success"
    assert pipeline("answer", "--pull-request", str(NUMBER))[0] == 0
