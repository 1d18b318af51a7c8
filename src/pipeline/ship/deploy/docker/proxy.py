"""The proxy's containers, and the commands of the balancer's admin socket."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy.docker import front, haproxy
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.deploy.docker.containers import Containers
from pipeline.ship.deploy.docker.front_container import Front, can_reload, is_front
from pipeline.ship.release.docker_cli import Docker

SCRIPTS = tuple(Path(__file__).with_name(name) for name in ("lease.lua", "metrics.lua"))
CONFIGURATION = "haproxy.cfg"
TIMEOUT = 15.0  # seconds until the proxy has found a new server, and until an old one has no request left


class Proxy:
    """HAProxy beside the service's containers, twice: the front, which clients reach, and the balancer behind it.

    The container of an earlier version is both; it is used as it is until somebody removes it.
    """

    def __init__(self, docker: Docker, agent: Agent, bounds: Deploy, containers: Containers, max_body: int) -> None:
        self._docker, self._agent, self._bounds, self._containers = docker, agent, bounds, containers
        self._front, self._balancer, self._max_body = Front(docker, agent, bounds), f"{bounds.name}-balancer", max_body

    def check(self) -> None:
        """PipelineError where the proxy would refuse the settings of params.yaml."""
        self._front.check(self._docker.inspect("container", self._front.name), self._rights())

    def write(self, champion: str, slot: str) -> None:
        """Write what the balancer reads when it starts, the champion last: from then on that is the one it serves."""
        for script in SCRIPTS:
            self._agent.call("write", script.name, script.read_text(encoding="utf-8"))
        text = haproxy.configuration(champion, slot, self._containers.name(champion), self._max_body)
        self._agent.call("write", CONFIGURATION, text)

    def start(self) -> None:
        """Start what does not run, let the front take new settings, and wait until the balancer answers."""
        container = self._docker.inspect("container", self._front.name)
        is_earlier = container is not None and not is_front(container)
        if not is_earlier:
            self._start(self._balancer, self._docker.inspect("container", self._balancer), self._balancer_options)
        if container is not None and can_reload(container):
            self._apply(container)
        self._start(self._front.name, container, lambda: [*self._front.mounts(), *self._front.options()])
        name = self._front.name if is_earlier else self._balancer
        wait_for(self._is_up, f"the proxy does not start; see `docker logs {name}`")

    def _apply(self, container: dict[str, Any]) -> None:
        """Give the front's container the settings of params.yaml; no request fails."""
        if not container["State"]["Running"]:
            self._front.write()
        elif not self._front.is_applied():
            self._front.reload()
            wait_for(
                self._front.is_applied, f"the proxy does not take its settings; see `docker logs {self._front.name}`"
            )

    def _start(self, name: str, container: dict[str, Any] | None, options: Callable[[], list[str]]) -> None:
        if container is None:
            try:
                self._docker.run("run", "--detach", "--name", name, *self._options(), *options())
            except PipelineError:  # created but not started: the port may be taken
                self._docker.attempt("rm", "--force", name)
                raise
        elif not container["State"]["Running"]:
            self._docker.run("start", name)

    def _options(self) -> list[str]:
        volume = self._containers.volume
        return [
            *self._rights(),
            *("--network", self._containers.network, "--restart", "unless-stopped"),
            *("--volume", f"{volume('run')}:/run/proxy"),
            *("--log-opt", "max-size=10m", "--label", f"pipeline.deployment={self._bounds.name}"),
            *("--entrypoint", "haproxy"),
        ]

    def _rights(self) -> list[str]:
        return [
            *("--user", "65534:65534", "--read-only", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges"),
        ]

    def _balancer_options(self) -> list[str]:
        port = self._bounds.operator_port
        champion = haproxy.champion(self._agent.call("read", CONFIGURATION))
        if champion:  # with today's settings
            self.write(*champion)
        return [
            *("--volume", f"{self._containers.volume('state')}:/state:ro"),
            *(("--publish", f"127.0.0.1:{port}:{haproxy.OPERATOR_PORT}") if port else ()),
            *("--memory", str(front.balancer_memory(self._max_body))),
            *(self._bounds.proxy_image, "-db", "-f", f"/state/{CONFIGURATION}"),
        ]

    def _is_up(self) -> bool:
        try:
            return bool(self._agent.call("proxy", "show info"))
        except PipelineError:
            return False

    def command(self, command: str) -> str:
        return str(self._agent.call("proxy", command)).strip()

    def reachable_address(self, slot: str) -> str | None:
        """The address of a slot's server, where its health check passes."""
        state = self._state(slot)
        return state["address"] if state.get("runs") == "2" else None

    def host_name(self, slot: str) -> str | None:
        """The host name of a slot's server."""
        return self._state(slot).get("name")

    def _state(self, slot: str) -> dict[str, str]:
        """The state of a slot's server; empty where the proxy does not know the slot."""
        for line in self.command("show servers state service").splitlines():
            parts = line.split()
            if len(parts) > 17 and parts[3] == slot:
                return {"address": parts[4], "runs": parts[5], "name": parts[17]}
        return {}

    def advice(self) -> str:
        """One line where the proxy's containers were created or started with other settings, else empty."""
        container = self._docker.inspect("container", self._front.name) or {}
        differing = list(self._differences(container))
        if not differing:
            return ""
        names = f"{self._front.name} {self._balancer}" if is_front(container) else self._front.name
        remedy = f"`docker rm -f {names}` on the host, then deploy again (the port is closed for some seconds)"
        return f"warning: the proxy still has {' and '.join(differing)}; to change that: {remedy}"

    def _differences(self, container: dict[str, Any]) -> Iterator[str]:
        bounds = self._bounds
        image = container.get("Config", {}).get("Image", "")
        address, port = _published(container, 8080)
        if port != str(bounds.port):
            yield f"deploy.port {port}, not {bounds.port}"
        if address != bounds.bind:
            yield f"deploy.bind {address}, not {bounds.bind}"
        if image != bounds.proxy_image:
            yield f"deploy.proxy_image {image}, not {bounds.proxy_image}"
        if not is_front(container):
            yield "the settings of an earlier version, which idle connections can silence"
            return
        if not self._front.is_applied():
            yield "other deploy.trusted_proxies, or the settings of another version"
        _, port = _published(self._docker.inspect("container", self._balancer) or {}, haproxy.OPERATOR_PORT)
        if port != str(bounds.operator_port or ""):
            yield f"deploy.operator_port {port or 'null'}, not {bounds.operator_port or 'null'}"
        if f"description: {haproxy.description(self._max_body)}" not in self.command("show info").splitlines():
            yield f"another serve.max_body than {self._max_body}, or the settings of another version"

    def sessions(self, slot: str) -> int:
        """How many sessions are open on a slot's server."""
        for line in self.command("show stat service 4 -1").splitlines():
            parts = line.split(",")
            if len(parts) > 4 and parts[1] == slot:
                return int(parts[4])
        return 0


def _published(container: dict[str, Any], port: int) -> tuple[str, str]:
    """(address, port) of the host on which a port of a container is published, as params.yaml writes them."""
    bindings = container.get("HostConfig", {}).get("PortBindings") or {}
    binding = (bindings.get(f"{port}/tcp") or [{}])[0]
    return binding.get("HostIp") or "all", binding.get("HostPort", "")


def wait_for(condition: Callable[[], bool], message: str) -> None:
    """Wait until the condition holds; PipelineError with the message after `TIMEOUT` seconds."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise PipelineError(message)
        time.sleep(0.1)
