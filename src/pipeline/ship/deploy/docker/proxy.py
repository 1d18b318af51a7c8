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
from pipeline.ship.release.docker_cli import Docker

SCRIPTS = tuple(Path(__file__).with_name(name) for name in ("lease.lua", "metrics.lua"))
CONFIGURATION, FRONT_CONFIGURATION = "haproxy.cfg", "front.cfg"
LABEL = "pipeline.front"  # its value is the digest of the front's configuration
TIMEOUT = 15.0  # seconds until the proxy has found a new server, and until an old one has no request left


class Proxy:
    """HAProxy beside the service's containers, twice: the front, which clients reach, and the balancer behind it.

    The container of an earlier version is both; it is used as it is until somebody removes it.
    """

    def __init__(self, docker: Docker, agent: Agent, bounds: Deploy, containers: Containers, max_body: int) -> None:
        self._docker, self._agent, self._bounds, self._containers = docker, agent, bounds, containers
        self._front, self._balancer, self._max_body = f"{bounds.name}-proxy", f"{bounds.name}-balancer", max_body

    def write(self, champion: str, slot: str) -> None:
        """Write what the balancer reads when it starts, the champion last: from then on that is the one it serves."""
        for script in SCRIPTS:
            self._agent.call("write", script.name, script.read_text(encoding="utf-8"))
        text = haproxy.configuration(champion, slot, self._containers.name(champion), self._max_body)
        self._agent.call("write", CONFIGURATION, text)

    def start(self) -> None:
        """Start what does not run, and wait until the balancer answers on its socket."""
        container = self._docker.inspect("container", self._front)
        is_earlier = container is not None and not _is_front(container)
        if not is_earlier:
            self._start(self._balancer, self._docker.inspect("container", self._balancer), self._balancer_options)
        self._start(self._front, container, self._front_options)
        name = self._front if is_earlier else self._balancer
        wait_for(self._is_up, f"the proxy does not start; see `docker logs {name}`")

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
            *("--network", self._containers.network, "--user", "65534:65534"),
            *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--restart", "unless-stopped"),
            *("--volume", f"{volume('state')}:/state:ro", "--volume", f"{volume('run')}:/run/proxy"),
            *("--log-opt", "max-size=10m", "--label", f"pipeline.deployment={self._bounds.name}"),
            *("--entrypoint", "haproxy"),
        ]

    def _balancer_options(self) -> list[str]:
        port = self._bounds.operator_port
        champion = haproxy.champion(self._agent.call("read", CONFIGURATION))
        if champion:  # with today's settings
            self.write(*champion)
        return [
            *(("--publish", f"127.0.0.1:{port}:{haproxy.OPERATOR_PORT}") if port else ()),
            *("--memory", str(front.balancer_memory(self._max_body))),
            *(self._bounds.proxy_image, "-db", "-f", f"/state/{CONFIGURATION}"),
        ]

    def _front_options(self) -> list[str]:
        text = front.configuration(self._bounds.trusted_proxies)
        self._agent.call("write", FRONT_CONFIGURATION, text)
        return [
            *("--publish", f"{self._address()}{self._bounds.port}:8080", "--memory", str(front.memory())),
            *("--label", f"{LABEL}={front.digest(text)}"),
            *(self._bounds.proxy_image, "-db", "-f", f"/state/{FRONT_CONFIGURATION}"),
        ]

    def _address(self) -> str:
        """The address that the port is opened on, as `docker run --publish` takes it."""
        bind = self._bounds.bind
        return "" if bind == "all" else f"[{bind}]:" if ":" in bind else f"{bind}:"

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
        container = self._docker.inspect("container", self._front) or {}
        differing = list(self._differences(container))
        if not differing:
            return ""
        names = f"{self._front} {self._balancer}" if _is_front(container) else self._front
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
        if not _is_front(container):
            yield "the settings of an earlier version, which idle connections can silence"
            return
        if container["Config"]["Labels"][LABEL] != front.digest(front.configuration(bounds.trusted_proxies)):
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


def _is_front(container: dict[str, Any]) -> bool:
    """Whether a container is a front, and not the proxy of an earlier version."""
    return LABEL in (container.get("Config", {}).get("Labels") or {})


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
