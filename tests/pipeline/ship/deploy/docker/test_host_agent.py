"""The log lines that the agent reads, which may hold other line separators than a newline."""

import json
import socket
from pathlib import Path

import pytest

from pipeline.ship.deploy.docker import host_agent

LINES = [json.dumps({"features": {"x": f"one{mark}two"}}, ensure_ascii=False) for mark in "\x85\u2028\u2029 "]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(host_agent, "LOGS", tmp_path)
    monkeypatch.setattr(host_agent, "offsets", {})
    (tmp_path / "release").mkdir()
    return tmp_path / "release" / "predictions.w1.jsonl"


def test_recent_lines_are_complete(log: Path) -> None:
    log.write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    assert host_agent.recent_lines("release", 3) == LINES[-3:]


def test_new_lines_are_complete_and_returned_once(log: Path) -> None:
    assert host_agent.new_lines("release") == []
    log.write_text("".join(f"{line}\n" for line in LINES) + '{"cut', encoding="utf-8")
    assert host_agent.new_lines("release") == LINES
    assert host_agent.new_lines("release") == []


def test_a_proxy_that_was_killed_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "admin.sock"
    monkeypatch.setattr(host_agent, "RUN", tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))  # its file stays when the process is gone
    with pytest.raises(OSError, match=r"^does not answer; it was stopped or killed \(Connection refused\)$"):
        host_agent.proxy("show info")
    path.unlink()
    with pytest.raises(OSError, match=r"\(No such file or directory\)$"):
        host_agent.proxy("show info")
