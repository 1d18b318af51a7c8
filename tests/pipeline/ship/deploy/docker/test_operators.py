"""What operators read of a host: written at each entry of the ledger, and never in a deployment's way."""

from typing import Any

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.ship.deploy import observed
from pipeline.ship.deploy.docker import haproxy
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.deploy.docker.containers import Containers
from pipeline.ship.deploy.docker.host import DockerHost
from pipeline.ship.deploy.docker.proxy import CONFIGURATION
from pipeline.ship.release import ledger
from pipeline.ship.release.docker_cli import Docker
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.deploy.hosts_in_memory import release

BOUNDS = params.read(FROZEN / "params.yaml").deploy


class Disk(Agent):
    """A host's state as files in memory; a full one takes no metrics."""

    def __init__(self, champion: str = "", *, full: bool = False) -> None:
        text = haproxy.configuration(champion, "b", f"pipeline-release-{champion}", 1000)
        self.files: dict[str, str] = {CONFIGURATION: text} if champion else {}
        self.full = full

    def call(self, name: str, *arguments: Any) -> Any:
        if name == "read":
            return self.files.get(arguments[0])
        if name == "append":
            self.files[arguments[0]] = self.files.get(arguments[0], "") + arguments[1] + "\n"
        elif self.full:
            raise PipelineError("the host: write: [Errno 28] No space left on device")
        else:
            self.files[arguments[0]] = arguments[1]
        return None


def host(disk: Disk) -> DockerHost:
    docker = Docker(None)
    return DockerHost(docker, Containers(docker, BOUNDS), disk, BOUNDS, 1000)


@pytest.mark.parametrize(
    ("event", "roles"), [("started", {"a": "candidate", "b": "champion"}), ("failed", {"b": "champion"})]
)
def test_an_entry_of_the_ledger_names_the_releases_in_their_slots(event: ledger.Event, roles: dict[str, str]) -> None:
    disk = Disk("first")
    host(disk).record(ledger.new_entry(event, release("second")))
    text = disk.files[observed.FILE]
    for slot in haproxy.SLOTS:
        assert (f'role="{roles.get(slot)}",slot="{slot}"' in text) is (slot in roles)


def test_the_first_deployment_has_no_role_yet() -> None:
    disk = Disk()
    host(disk).record(ledger.new_entry("started", release("first")))
    assert "pipeline_release_info{" not in disk.files[observed.FILE]


def test_a_disk_that_takes_no_metrics_stops_no_deployment() -> None:
    disk = Disk("first", full=True)
    host(disk).record(ledger.new_entry("started", release("second")))
    assert len(disk.files[ledger.FILE].splitlines()) == 1
    assert observed.FILE not in disk.files
