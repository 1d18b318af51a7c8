"""The commands that the proxy gets, without containers."""

from typing import Any

import pytest

from pipeline.core import params
from pipeline.ship.deploy.docker import haproxy
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.deploy.docker.containers import Containers
from pipeline.ship.deploy.docker.host import DockerHost
from pipeline.ship.deploy.docker.proxy import CONFIGURATION
from pipeline.ship.release.docker_cli import Docker
from tests.pipeline.conftest import FROZEN

BOUNDS = params.read(FROZEN / "params.yaml").deploy
# HAProxy 2.6's answer to `show servers state service`.
STATE = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr \
srv_agent_port
3 service 1 a 172.18.0.2 2 0 256 256 3 15 3 4 6 0 0 0 pipeline-release-a 3000 - 0 0 - - 0
3 service 2 b 172.18.0.3 2 0 0 0 3 15 3 4 6 0 0 0 {name} 3000 - 0 0 - - 0
"""


class ScriptedAgent(Agent):
    """A host whose champion is in slot a, and a proxy that answers and keeps the commands that it gets."""

    def __init__(self, name: str) -> None:
        self.name, self.commands = name, list[str]()

    def call(self, name: str, *arguments: Any) -> Any:
        if (name, *arguments) == ("read", CONFIGURATION):
            return haproxy.configuration("a", "a", "pipeline-release-a", 1000)
        (command,) = arguments
        self.commands.append(command)
        return STATE.format(name=self.name) if command.startswith("show") else ""


@pytest.mark.parametrize(
    ("name", "renamed"),
    [
        ("pipeline-release-old", ["set server service/b fqdn pipeline-release-new"]),
        ("pipeline-release-new", []),
    ],
)
def test_a_slot_takes_the_candidates_name_also_where_it_has_the_address_of_the_last_one(
    monkeypatch: pytest.MonkeyPatch, name: str, renamed: list[str]
) -> None:
    monkeypatch.setattr(Containers, "address", lambda *_: "172.18.0.3")
    docker, agent = Docker(None), ScriptedAgent(name)
    DockerHost(docker, Containers(docker, BOUNDS), agent, BOUNDS, 1000).route("new", 5)
    changes = [command for command in agent.commands if not command.startswith("show")]
    assert changes == [*renamed, "lease route a b 5 5"]
