"""The status `test`: the newest run of test.yaml on a commit, in whatever order GitHub sends the events."""

from typing import Any

import pytest

from tests.pipeline.github.conftest import Pipeline, Scene

pytestmark = pytest.mark.engine


def run(scene: Scene, number: int = 60, **fields: Any) -> dict[str, Any]:
    data = {"id": number, "head_sha": scene.head, "head_branch": "feature", "path": ".github/workflows/test.yaml"}
    scene.github.state["runs"].append(data | fields)
    added: dict[str, Any] = scene.github.state["runs"][-1]
    return added


def report(scene: Scene, pipeline: Pipeline, number: int = 60) -> list[tuple[str, str]]:
    """States and descriptions of the status, the oldest first."""
    code, printed = pipeline("report-tests", "--run", str(number))
    assert code == 0, printed
    reported = [
        data for data in scene.github.state["statuses"] if (data["sha"], data["context"]) == (scene.head, "test")
    ]
    return [(data["state"], data["description"]) for data in reported]


@pytest.mark.parametrize(
    ("conclusion", "expected"),
    [
        ("success", ("success", "passed")),
        ("failure", ("failure", "failed")),
        ("timed_out", ("failure", "ran out of time")),
        ("startup_failure", ("failure", "could not start: is this branch's test.yaml valid?")),
        ("cancelled", ("error", "was cancelled; re-run it")),
        ("skipped", ("error", "was skipped: compare this branch's test.yaml with main's")),
    ],
)
@pytest.mark.parametrize("event", ["pull_request", "workflow_dispatch"])
def test_a_run_is_reported_by_its_conclusion(
    scene: Scene, pipeline: Pipeline, event: str, conclusion: str, expected: tuple[str, str]
) -> None:
    run(scene, event=event, conclusion=conclusion)
    assert report(scene, pipeline) == [expected]


def test_a_running_one_is_pending_and_the_end_is_reported_once(scene: Scene, pipeline: Pipeline) -> None:
    tested = run(scene, status="in_progress", conclusion=None)
    assert report(scene, pipeline) == [("pending", "is running")]
    tested.update(status="completed", conclusion="success")
    report(scene, pipeline)
    assert report(scene, pipeline) == [("pending", "is running"), ("success", "passed")]


def test_a_late_event_of_an_older_run_reports_the_newest(scene: Scene, pipeline: Pipeline) -> None:
    run(scene, 60, conclusion="failure")
    run(scene, 61, event="workflow_dispatch")
    assert report(scene, pipeline, 60) == [("success", "passed")]


def test_a_run_that_waits_for_approval_changes_nothing(scene: Scene, pipeline: Pipeline) -> None:
    """GitHub makes one for each commit of the bot, beside the one that the bot has started."""
    run(scene, 62, conclusion="action_required")
    assert report(scene, pipeline, 62) == []
    run(scene, 61, event="workflow_dispatch")
    assert report(scene, pipeline, 62) == [("success", "passed")]


def test_a_run_that_hands_over_has_time_to_end(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = run(scene, event="workflow_dispatch", status="in_progress", conclusion=None)
    end = {"status": "completed", "conclusion": "success"}
    monkeypatch.setattr("pipeline.github.pull_request.report_tests.time.sleep", lambda _: tested.update(end))
    assert pipeline("report-tests", "--run", "60", "--wait", "30")[0] == 0
    assert report(scene, pipeline) == [("success", "passed")]


def test_a_run_of_another_workflow_is_refused(scene: Scene, pipeline: Pipeline) -> None:
    run(scene, path=".github/workflows/evil.yaml")
    code, printed = pipeline("report-tests", "--run", "60")
    assert code == 2
    assert "not of test.yaml" in printed
