"""What Docker's messages mean: an object is absent, or the engine can't be reached."""

import json
import subprocess

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.docker.host import DockerTarget
from pipeline.ship.release.docker_cli import Docker
from tests.pipeline.conftest import FROZEN

BOUNDS = params.read(FROZEN / "params.yaml").deploy
UNREACHED = 'error during connect: Get "http://nohost.invalid:2375": dial tcp: lookup nohost.invalid: no such host'


def answer(monkeypatch: pytest.MonkeyPatch, status: int, stderr: str, ledger: str | None = None) -> None:
    """Let Docker answer like this; with a `ledger`, only `run` does, and the ledger's volume exists."""

    def attempt(_: Docker, *command: str) -> "subprocess.CompletedProcess[str]":
        if ledger is not None and command[1] == "inspect":
            return subprocess.CompletedProcess(command, 0, '[{"Image": "sha256:1"}]', "")
        return subprocess.CompletedProcess(command, status, ledger or "[]", stderr)

    monkeypatch.setattr(Docker, "attempt", attempt)


@pytest.mark.parametrize(
    ("kind", "stderr"),
    [
        ("container", "Error: No such container: x"),
        ("container", "Error response from daemon: No such container: x"),
        ("image", "Error response from daemon: no such image: x: No such image: x:latest"),
        ("volume", "Error response from daemon: get x: no such volume"),
        ("network", "Error response from daemon: network x not found"),
    ],
)
def test_an_object_that_the_engine_does_not_know_is_absent(
    monkeypatch: pytest.MonkeyPatch, kind: str, stderr: str
) -> None:
    answer(monkeypatch, 1, f"{stderr}\n")
    assert Docker(None).inspect(kind, "x") is None


@pytest.mark.parametrize(
    "stderr",
    [
        UNREACHED,
        "Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?",
        'error during connect: exec: "ssh": executable file not found in $PATH',
    ],
)
@pytest.mark.parametrize("kind", ["container", "image", "volume", "network"])
def test_an_unreachable_engine_is_an_error(monkeypatch: pytest.MonkeyPatch, kind: str, stderr: str) -> None:
    answer(monkeypatch, 1, f"{stderr}\n")
    with pytest.raises(PipelineError, match="is the engine running, and --host right"):
        Docker(None).inspect(kind, "x")


@pytest.mark.parametrize(
    ("status", "stderr"),
    [(125, f"docker: {UNREACHED}"), (125, "docker: dial unix /x.sock: No such file or directory"), (1, "cat: denied")],
)
def test_an_unreadable_ledger_is_an_error(monkeypatch: pytest.MonkeyPatch, status: int, stderr: str) -> None:
    answer(monkeypatch, status, stderr, ledger="")
    with pytest.raises(PipelineError, match="docker run: "):
        DockerTarget(None, BOUNDS, 1000).history()


def test_a_missing_ledger_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 1, "cat: /state/ledger.jsonl: No such file or directory", ledger="")
    assert DockerTarget(None, BOUNDS, 1000).history() == []


def test_a_reason_with_a_line_separator_stays_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"time": "2026-01-01T00:00:00+00:00", "event": "failed", "release": "a" * 12, "reason": "one\u2028two"}
    answer(monkeypatch, 0, "", ledger=f"{json.dumps(entry, ensure_ascii=False)}\n")
    assert DockerTarget(None, BOUNDS, 1000).history() == [entry]
