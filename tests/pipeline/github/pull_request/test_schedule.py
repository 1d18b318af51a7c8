"""A monitor whose clock has stopped is noticed."""

from datetime import UTC, datetime

import pytest

from pipeline.github.pull_request import schedule
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


def test_a_clock_that_runs_is_no_news(scene: Scene) -> None:
    runs(scene, 18, 19)
    assert schedule.stopped(NOW) is None


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("disabled_fork", "this repository is a fork"),
        ("disabled_inactivity", "after 60 days without a commit"),
        ("disabled_manually", "somebody has switched it off"),
        ("deleted", "its state is deleted"),
    ],
)
def test_a_monitor_that_is_off_says_who_switched_it_off(scene: Scene, state: str, said: str) -> None:
    runs(scene, 19)
    scene.github.state["workflows"]["monitor.yaml"]["state"] = state
    told = schedule.stopped(NOW)
    assert told is not None
    assert said in told
    assert "gh workflow enable monitor.yaml" in told


def test_a_clock_that_has_stopped_without_a_word_is_noticed(scene: Scene) -> None:
    runs(scene, 9)
    assert "last started it 2026-11-09" in (schedule.stopped(NOW) or "")


def test_runs_by_hand_are_not_the_clock(scene: Scene) -> None:
    runs(scene, 19, event="workflow_dispatch")
    assert "has never started it" in (schedule.stopped(NOW) or "")


def test_a_young_monitor_is_given_time(scene: Scene) -> None:
    scene.github.state["workflows"]["monitor.yaml"]["created_at"] = "2026-11-19T00:00:00Z"
    assert schedule.stopped(NOW) is None


def test_a_missing_monitor_is_said(scene: Scene) -> None:
    scene.github.state["workflows"]["monitor.yaml"] = None
    assert "can't be seen" in (schedule.stopped(NOW) or "")


def test_nothing_is_asked_where_no_log_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE_LOG_URL")
    assert schedule.stopped(NOW) is None
    assert scene.github.calls("GET") == []
