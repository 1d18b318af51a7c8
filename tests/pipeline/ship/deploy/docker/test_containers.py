"""Which stopped containers are kept, why one failed, and which users are root."""

import subprocess
from contextlib import nullcontext
from typing import Any

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.docker.containers import Containers
from pipeline.ship.release.docker_cli import Docker
from tests.pipeline.conftest import FROZEN


@pytest.mark.parametrize(
    ("served", "removed"),
    [
        (["e", "a", "d", "c", "b"], ["c", "b"]),  # e was deployed after a rollback to a
        (["a", "d", "e"], ["c", "b"]),  # the ledger's last entry could not be written
        ([], ["d", "c", "b", "a"]),
    ],
)
def test_the_releases_that_served_last_are_kept_however_old_their_containers_are(
    monkeypatch: pytest.MonkeyPatch, served: list[str], removed: list[str]
) -> None:
    deleted = list[str]()
    monkeypatch.setattr(
        Containers, "releases", lambda _: ["e", "d", "c", "b", "a"]
    )  # newest first, as Docker lists them
    monkeypatch.setattr(Containers, "remove", lambda _, release: deleted.append(release))
    Containers(Docker(None), params.read(FROZEN / "params.yaml").deploy).prune("e", served)
    assert deleted == removed


BOUNDS = params.read(FROZEN / "params.yaml").deploy
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py"\nValueError: no\nmodel\n\n'


class ScriptedDocker(Docker):
    """An engine with one image and one stopped container; `commands` holds what it was told."""

    def __init__(self, user: str = "", uid: str = "", logs: str = "") -> None:
        super().__init__(None)
        self.user, self.uid, self.logs, self.commands = user, uid, logs, list[tuple[str, ...]]()

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        return {"Config": {"User": self.user}, "State": {"Running": False, "ExitCode": 2}}

    def attempt(self, *command: str) -> "subprocess.CompletedProcess[str]":
        self.commands.append(command[:1] + command[-1:])
        output = self.uid if command[0] == "run" else ""
        return subprocess.CompletedProcess(command, 0, output, self.logs if command[0] == "logs" else "")


@pytest.mark.parametrize(
    ("user", "uid", "is_root"),
    [
        *[(user, "", True) for user in ("", "0", "00", "+0", "0:0", "0:10001", "0:serving", ":10001")],
        *[(user, "0", True) for user in ("root", "root:serving", "toor")],
        *[(user, "", False) for user in ("10001", "10001:10001", "10001:0")],
        ("serving", "10001", False),
    ],
)
def test_root_is_known_by_its_number_whatever_its_name_and_group(user: str, uid: str, is_root: bool) -> None:
    containers = Containers(ScriptedDocker(user, uid), BOUNDS)
    with pytest.raises(PipelineError, match="runs as root") if is_root else nullcontext():
        containers.pull("image")


def test_the_reason_of_a_failure_has_the_last_lines_of_the_log() -> None:
    containers = Containers(ScriptedDocker(logs=TRACEBACK), BOUNDS)
    assert containers.exit_reason("a") == 'exit status 2: File "x.py" | ValueError: no | model'
    assert Containers(ScriptedDocker(), BOUNDS).exit_reason("a") == "exit status 2: it logged nothing"


def test_of_failed_candidates_the_newest_is_kept() -> None:
    docker = ScriptedDocker()
    containers = Containers(docker, BOUNDS)
    containers.keep_failed(["new", "old", "older"])
    name = containers.name
    assert docker.commands == [("kill", name("new")), ("rm", name("old")), ("rm", name("older"))]
