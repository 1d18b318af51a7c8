"""A run that was cancelled, or ran out of time: its announcement must not stay for ever."""

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


@pytest.mark.parametrize(("old", "new"), [("state=waiting", "state=final"), (f"run={RUN}", "run=49")])
def test_a_comment_that_is_not_its_announcement_stays(scene: Scene, pipeline: Pipeline, old: str, new: str) -> None:
    scene.comments()[0]["body"] = before = scene.comments()[0]["body"].replace(old, new)
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
