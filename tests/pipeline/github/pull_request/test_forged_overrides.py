"""What somebody with write permission can make up: a status, a record of the bot, its label. None of it turns green."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.github.pull_request import overrides
from pipeline.review.gate import measurement_verdict as pull_request_gate
from pipeline.review.gate.verdict import Rule, Subject, Verdict
from tests.pipeline.github.conftest import AT, NUMBER, RUN, Pipeline, Scene

pytestmark = pytest.mark.engine

AUTHOR, COLLEAGUE = "alice", "maintainer"
FAIL = Verdict("fail", 0, 0, "", (Rule("floor", "fail", "bad", subject=Subject("roc_auc")),))
FAILURE = ("failure", "fail: Floor of ROC AUC: bad")
FORGED = {"state": "success", "context": "gate", "description": f"overruled by @{COLLEAGUE}: we agreed"}


@pytest.fixture(autouse=True)
def failing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.github.state["permissions"][AUTHOR] = "write"
    scene.pull["user"] = AUTHOR
    monkeypatch.setattr(pull_request_gate, "judge", lambda *_: FAIL)


def answer_again(scene: Scene, pipeline: Pipeline) -> tuple[str, str] | None:
    """What anybody with write permission may start: another answer; the status after it."""
    code, printed = pipeline("answer", "--pull-request", str(NUMBER))
    assert code == 0, printed
    return scene.status()


def forge(scene: Scene, run: int | None, **changes: Any) -> None:
    """The author edits a comment of the bot so that it records an override by the colleague."""
    forged = {"by": COLLEAGUE, "at": AT, "commit": scene.head, "reason": "we agreed", "run": run}
    scene.record(**forged | changes)


def test_a_status_in_a_colleagues_name_is_answered_by_the_gates_own_verdict(scene: Scene, pipeline: Pipeline) -> None:
    scene.label(AUTHOR)
    scene.github.state["statuses"].append(FORGED | {"sha": scene.head, "creator": AUTHOR})
    assert answer_again(scene, pipeline) == FAILURE
    assert COLLEAGUE not in scene.comments()[0]["body"]


def of_nobody(scene: Scene) -> None:
    scene.label(COLLEAGUE)
    forge(scene, None)


def of_the_authors_run(scene: Scene) -> None:
    scene.label(COLLEAGUE)
    forge(scene, scene.run_override(AUTHOR, scene.head))


def of_an_earlier_commit(scene: Scene) -> None:
    scene.label(COLLEAGUE)
    forge(scene, scene.run_override(COLLEAGUE, scene.base))


def of_another_pull_request(scene: Scene) -> None:
    scene.label(COLLEAGUE)
    forge(scene, scene.run_override(COLLEAGUE, scene.head, display_title=f"overrule #70 at {scene.head}"))


def of_another_workflow(scene: Scene) -> None:
    scene.label(COLLEAGUE)
    forge(scene, scene.run_override(COLLEAGUE, scene.head, path=".github/workflows/train.yaml"))


def of_a_refused_run(scene: Scene) -> None:
    scene.label(COLLEAGUE)
    forge(scene, scene.run_override(COLLEAGUE, scene.head, status="completed", conclusion="failure"))


def of_a_branchs_own_workflow(scene: Scene) -> None:
    scene.label("github-actions[bot]")
    dispatch = {"event": "workflow_dispatch", "head_branch": "feature"}
    forge(scene, scene.run_override(COLLEAGUE, scene.head, **dispatch))


def of_a_tag_that_is_called_main(scene: Scene) -> None:
    scene.label("github-actions[bot]")
    dispatch = {"event": "workflow_dispatch", "head_branch": "main", "head_sha": scene.head}
    forge(scene, scene.run_override(COLLEAGUE, scene.head, **dispatch))


def of_a_label_that_the_author_set_again(scene: Scene) -> None:
    forge(scene, scene.run_override(COLLEAGUE, scene.head))
    scene.label(AUTHOR)


def by_somebody_who_may_not_write_any_more(scene: Scene) -> None:
    scene.overrule()
    scene.github.state["permissions"][COLLEAGUE] = "read"


def by_the_author(scene: Scene) -> None:
    scene.label(AUTHOR)
    forge(scene, scene.run_override(AUTHOR, scene.head), by=AUTHOR)


@pytest.mark.parametrize(
    "forgery",
    [
        of_nobody,
        of_the_authors_run,
        of_an_earlier_commit,
        of_another_pull_request,
        of_another_workflow,
        of_a_refused_run,
        of_a_branchs_own_workflow,
        of_a_tag_that_is_called_main,
        of_a_label_that_the_author_set_again,
        by_somebody_who_may_not_write_any_more,
        by_the_author,
    ],
    ids=lambda forgery: forgery.__name__,
)
def test_a_record_that_github_does_not_confirm_is_no_override(
    scene: Scene, pipeline: Pipeline, forgery: Callable[[Scene], None]
) -> None:
    forgery(scene)
    assert answer_again(scene, pipeline) == FAILURE
    assert "does not count" in scene.comments()[0]["body"]


def test_an_override_of_a_started_workflow_is_confirmed_by_its_run_on_main(scene: Scene, pipeline: Pipeline) -> None:
    scene.label("github-actions[bot]")
    dispatch = {"event": "workflow_dispatch", "head_branch": "main", "head_sha": scene.base}
    forge(scene, scene.run_override(COLLEAGUE, scene.head, **dispatch))
    assert answer_again(scene, pipeline) == (
        "pending",
        f"overruled by {COLLEAGUE}: we agreed (recording what was measured)",
    )


def test_a_started_workflow_takes_over_a_label_that_somebody_else_had_set(scene: Scene, pipeline: Pipeline) -> None:
    scene.label(AUTHOR)
    scene.run_override(COLLEAGUE, scene.head, event="workflow_dispatch", head_branch="main", head_sha=scene.base)
    call = ("--pull-request", str(NUMBER), "--by", COLLEAGUE, "--commit", scene.head, "--reason", "a known shift")
    assert pipeline("overrule", *call)[0] == 0
    assert [event["actor"] for event in scene.github.state["events"]] == [AUTHOR, *["github-actions[bot]"] * 2]
    assert overrides.active(NUMBER, {scene.head})


def test_nobody_overrules_in_the_name_of_another(scene: Scene, pipeline: Pipeline) -> None:
    scene.run_override(AUTHOR, scene.head)
    call = ("--pull-request", str(NUMBER), "--by", COLLEAGUE, "--commit", scene.head, "--reason", "x")
    code, printed = pipeline("overrule", *call)
    assert (code, printed.count("\n"), f"was not started by @{COLLEAGUE}" in printed) == (2, 1, True)
    assert scene.status() is None


def test_a_green_status_of_a_person_is_not_kept_while_the_pull_request_is_measured(
    scene: Scene, pipeline: Pipeline
) -> None:
    scene.github.state["statuses"].append(FORGED | {"sha": scene.head, "creator": AUTHOR, "description": "pass"})
    scene.run.update(status="queued", conclusion=None)
    scene.github.state["jobs"] = [{"run": RUN, "name": "train", "status": "in_progress"}]
    assert pipeline("announce", "--run", str(RUN), "--wait", "0", "--every", "1")[0] == 0
    assert scene.status() == ("pending", "being measured")
