"""What the registrar does on the clock: stale registrations go, everything else stays."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from github_app import App
from registrar import Registrar
from settings import Settings

from tests.pipeline.runner.standin import APP_ID, REPOSITORY, GitHub


def local(api: str, key: Path, tmp_path: Path, clock: Callable[[], float]) -> Registrar:
    """A registrar in this process, with a clock to turn."""
    settings = Settings(api, REPOSITORY, APP_ID, key, ("gpu",), "gpu-1", None, 30, tmp_path / "socket")
    app = App(api, APP_ID, key, REPOSITORY, settings.permissions, sleep=lambda _: None)
    return Registrar(settings, app, clock=clock)


def test_the_reaper_removes_what_is_offline_for_long_and_nothing_else(
    api: str, key: Path, tmp_path: Path, github: GitHub
) -> None:
    now = [0.0]
    registrar = local(api, key, tmp_path, lambda: now[0])
    github.add("gpu-1-0000000a")
    kept = [
        github.add("gpu-1-0000000b", status="online"),
        github.add("gpu-1-0000000c", busy=True),
        github.add("gpu-2-0000000d"),
        github.add("somebody-elses"),
    ]
    current = github.add("gpu-1-0000000e")
    registrar.look_after(current["id"])
    assert len(github.runners) == 6
    now[0] = 29 * 60
    fresh = github.add("gpu-1-0000000f")
    registrar.look_after(current["id"])
    assert len(github.runners) == 7
    now[0] = 31 * 60
    registrar.look_after(current["id"])
    assert github.runners == [*kept, current, fresh]


def test_a_runner_that_came_back_starts_its_time_anew(api: str, key: Path, tmp_path: Path, github: GitHub) -> None:
    now = [0.0]
    registrar = local(api, key, tmp_path, lambda: now[0])
    runner = github.add("gpu-1-0000000a")
    for minute, status in [(0, "offline"), (20, "online"), (31, "offline")]:
        now[0], runner["status"] = minute * 60, status
        registrar.look_after()
    assert github.runners == [runner]


def test_an_outage_ends_no_job(
    api: str, key: Path, tmp_path: Path, github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    registrar = local(api, key, tmp_path, time.monotonic)
    github.errors = {f"GET /repos/{REPOSITORY}": [503] * 6}
    registrar.look_after()
    assert "503" in capsys.readouterr().out
