"""A monitor whose scheduled runs have stopped is reported."""

from datetime import UTC, datetime

import pytest

from pipeline.github.pull_request import monitor_schedule
from tests.pipeline.github.conftest import Scene

pytestmark = pytest.mark.engine

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def runs(scene: Scene, *days: int, event: str = "schedule") -> None:
    scene.github.state["runs"] = [
        {"id": day, "head_sha": scene.base, "head_branch": "main", "path": ".github/workflows/monitor.yaml"}
        | {"event": event, "created_at": f"2026-11-{day:02}T06:17:00Z"}
        for day in days
    ]


@pytest.fixture(autouse=True)
def _watched(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_LOG_URL", "s3://bucket/log")
    scene.github.state["workflows"] = {"monitor.yaml": {"state": "active", "created_at": "2026-01-01T00:00:00Z"}}


def test_a_monitor_that_runs_is_no_problem(scene: Scene) -> None:
    runs(scene, 18, 19)
    assert monitor_schedule.problem(NOW) is None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("disabled_fork", "because this repository is a fork"),
        ("disabled_inactivity", "after 60 days without activity in this public repository"),
        ("disabled_manually", "somebody has switched it off"),
        ("deleted", "its state is deleted"),
    ],
)
def test_for_a_monitor_that_is_off_the_message_says_why(scene: Scene, state: str, reason: str) -> None:
    runs(scene, 19)
    scene.github.state["workflows"]["monitor.yaml"]["state"] = state
    problem = monitor_schedule.problem(NOW)
    assert problem is not None
    assert reason in problem
    assert "gh workflow enable monitor.yaml" in problem


def test_a_schedule_that_has_silently_stopped_is_reported(scene: Scene) -> None:
    runs(scene, 9)
    assert "last started it 2026-11-09" in (monitor_schedule.problem(NOW) or "")


def test_runs_by_hand_are_not_scheduled_runs(scene: Scene) -> None:
    runs(scene, 19, event="workflow_dispatch")
    assert "has never started it" in (monitor_schedule.problem(NOW) or "")


def test_a_new_monitor_has_time_for_its_first_run(scene: Scene) -> None:
    scene.github.state["workflows"]["monitor.yaml"]["created_at"] = "2026-11-19T00:00:00Z"
    assert monitor_schedule.problem(NOW) is None


def test_a_missing_monitor_is_reported(scene: Scene) -> None:
    scene.github.state["workflows"]["monitor.yaml"] = None
    assert "whether the monitor runs is unknown" in (monitor_schedule.problem(NOW) or "")


def test_github_is_not_called_where_no_log_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE_LOG_URL")
    assert monitor_schedule.problem(NOW) is None
    assert scene.github.calls("GET") == []
