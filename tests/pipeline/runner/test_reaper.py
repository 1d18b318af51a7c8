"""The registrar's regular check: stale registrations are removed, all others stay."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from github_app import App
from registrar import Registrar
from settings import Settings

from tests.pipeline.runner.standin import APP_ID, REPOSITORY, GitHub


def make_registrar(api: str, key: Path, tmp_path: Path, clock: Callable[[], float]) -> Registrar:
    """A registrar in this process, with a clock that the test sets."""
    settings = Settings(api, REPOSITORY, APP_ID, key, ("gpu",), "gpu-1", None, 30, tmp_path / "socket", "2.338.0")
    app = App(api, APP_ID, key, REPOSITORY, settings.permissions, sleep=lambda _: None)
    return Registrar(settings, app, clock=clock)


def test_only_registrations_that_are_offline_for_long_are_removed(
    api: str, key: Path, tmp_path: Path, github: GitHub
) -> None:
    now = [0.0]
    registrar = make_registrar(api, key, tmp_path, lambda: now[0])
    github.add("gpu-1-0000000a")
    others = [
        github.add("gpu-1-0000000b", status="online"),
        github.add("gpu-1-0000000c", busy=True),
        github.add("gpu-2-0000000d"),
        github.add("somebody-elses"),
    ]
    current = github.add("gpu-1-0000000e")
    registrar.check_registrations(current["id"])
    assert len(github.runners) == 6
    now[0] = 29 * 60
    fresh = github.add("gpu-1-0000000f")
    registrar.check_registrations(current["id"])
    assert len(github.runners) == 7
    now[0] = 31 * 60
    registrar.check_registrations(current["id"])
    assert github.runners == [*others, current, fresh]


def test_a_runner_that_was_online_meanwhile_is_not_stale(api: str, key: Path, tmp_path: Path, github: GitHub) -> None:
    now = [0.0]
    registrar = make_registrar(api, key, tmp_path, lambda: now[0])
    runner = github.add("gpu-1-0000000a")
    for minute, status in [(0, "offline"), (20, "online"), (31, "offline")]:
        now[0], runner["status"] = minute * 60, status
        registrar.check_registrations()
    assert github.runners == [runner]


def test_an_outage_ends_no_job(
    api: str, key: Path, tmp_path: Path, github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    registrar = make_registrar(api, key, tmp_path, time.monotonic)
    github.errors = {f"GET /repos/{REPOSITORY}": [503] * 6}
    registrar.check_registrations()
    assert "503" in capsys.readouterr().out
