"""The commands that the proxy gets, without containers."""

from typing import Any

import pytest

from pipeline.core import params
from pipeline.ship.deploy.docker import front, haproxy
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.deploy.docker.containers import Containers
from pipeline.ship.deploy.docker.front_container import LABEL, RELOADS, Front
from pipeline.ship.deploy.docker.host import DockerHost, DockerTarget
from pipeline.ship.deploy.docker.proxy import CONFIGURATION, Proxy
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
        if name != "proxy":
            return None
        command, *_ = arguments
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


def container(image: str, label: str | None, **ports: tuple[str, int]) -> dict[str, Any]:
    """What Docker says of a container, as far as the proxy reads it."""
    bindings = {f"{port[1:]}/tcp": [{"HostIp": ip, "HostPort": str(number)}] for port, (ip, number) in ports.items()}
    labels = {} if label is None else {LABEL: label}
    return {"Config": {"Image": image, "Labels": labels}, "HostConfig": {"PortBindings": bindings}}


RUNNING = {"p8080": ("", 8080)}


@pytest.mark.parametrize(
    ("proxy", "description", "expected"),
    [
        (container(BOUNDS.proxy_image, RELOADS, **RUNNING), haproxy.description(1000), ""),
        (
            container(BOUNDS.proxy_image, RELOADS, p8080=("127.0.0.1", 81)),
            haproxy.description(1000),
            "deploy.port 81, not 8080 and deploy.bind 127.0.0.1, not all",
        ),
        (container("haproxy:2", RELOADS, **RUNNING), haproxy.description(1000), "deploy.proxy_image haproxy:2, not"),
        (container(BOUNDS.proxy_image, "x", **RUNNING), haproxy.description(1000), "other deploy.trusted_proxies"),
        (container(BOUNDS.proxy_image, RELOADS, **RUNNING), haproxy.description(2000), "serve.max_body than 1000"),
        (container(BOUNDS.proxy_image, None, **RUNNING), "serve.max_body 1000", "the settings of an earlier version"),
    ],
)
def test_what_a_running_proxy_was_started_with_is_compared(
    monkeypatch: pytest.MonkeyPatch, proxy: dict[str, Any], description: str, expected: str
) -> None:
    balancer = container(BOUNDS.proxy_image, None, p8081=("127.0.0.1", BOUNDS.operator_port or 0))
    containers = {"pipeline-proxy": proxy, "pipeline-balancer": balancer}
    monkeypatch.setattr(Docker, "inspect", lambda _, __, name: containers[name])
    monkeypatch.setattr(Front, "is_applied", lambda _: proxy["Config"]["Labels"].get(LABEL) == RELOADS)
    monkeypatch.setattr(Proxy, "command", lambda *_: f"Name: HAProxy\ndescription: {description}\n")
    docker = Docker(None)
    advice = Proxy(docker, ScriptedAgent(""), BOUNDS, Containers(docker, BOUNDS), 1000).advice()
    assert expected in advice
    assert bool(advice) is bool(expected)


@pytest.mark.parametrize(
    ("bind", "published"), [("all", "8080:8080"), ("127.0.0.1", "127.0.0.1:8080:8080"), ("::1", "[::1]:8080:8080")]
)
def test_the_port_is_opened_on_the_address_that_is_named(
    monkeypatch: pytest.MonkeyPatch, bind: str, published: str
) -> None:
    commands = list[tuple[str, ...]]()
    monkeypatch.setattr(Docker, "inspect", lambda *_: None)
    monkeypatch.setattr(Docker, "run", lambda _, *command: commands.append(command))
    monkeypatch.setattr(Proxy, "_is_up", lambda _: True)
    monkeypatch.setattr(ScriptedAgent, "call", lambda *_: None)
    docker, bounds = Docker(None), BOUNDS.model_copy(update={"bind": bind})
    Proxy(docker, ScriptedAgent(""), bounds, Containers(docker, bounds), 1000).start()
    balancer, proxy = commands
    assert balancer[balancer.index("--publish") + 1] == "127.0.0.1:8081:8081"
    assert proxy[proxy.index("--publish") + 1] == published
    assert int(balancer[balancer.index("--memory") + 1]) == front.balancer_memory(1000)


def test_the_lock_has_no_health_check_of_the_image_that_it_borrows() -> None:
    assert "--no-healthcheck" in DockerTarget(None, BOUNDS, 1000)._agent_options("me")
