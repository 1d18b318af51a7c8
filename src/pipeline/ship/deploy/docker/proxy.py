"""The proxy's container, and the commands of its admin socket."""

import time
from collections.abc import Callable
from pathlib import Path

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy.docker import haproxy
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.deploy.docker.containers import Containers
from pipeline.ship.release.docker_cli import Docker

LUA = Path(__file__).with_name("lease.lua")
CONFIGURATION = "haproxy.cfg"
TIMEOUT = 15.0  # seconds until the proxy has found a new server, and until an old one has no request left


class Proxy:
    """HAProxy beside the service's containers, reached by the agent."""

    def __init__(self, docker: Docker, agent: Agent, bounds: Deploy, containers: Containers) -> None:
        self._docker, self._agent, self._bounds, self._containers = docker, agent, bounds, containers
        self._name = f"{bounds.name}-proxy"

    def start(self) -> None:
        """Start the proxy where it does not run, and wait until it answers on its socket."""
        container = self._docker.inspect("container", self._name)
        if container is None:
            self._agent.call("write", LUA.name, LUA.read_text(encoding="utf-8"))
            try:
                self._docker.run("run", "--detach", "--name", self._name, *self._options())
            except PipelineError:  # created but not started: the port may be taken
                self._docker.attempt("rm", "--force", self._name)
                raise
        elif not container["State"]["Running"]:
            self._docker.run("start", self._name)
        wait_for(self._is_up, f"the proxy does not start; see `docker logs {self._name}`")

    def _options(self) -> list[str]:
        volume = self._containers.volume
        return [
            *("--network", self._containers.network, "--publish", f"{self._bounds.port}:8080", "--user", "65534:65534"),
            *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--restart", "unless-stopped"),
            *("--volume", f"{volume('state')}:/state:ro", "--volume", f"{volume('run')}:/run/proxy"),
            *("--log-opt", "max-size=10m", "--label", f"pipeline.deployment={self._bounds.name}"),
            *("--entrypoint", "haproxy", self._bounds.proxy_image, "-db", "-f", f"/state/{CONFIGURATION}"),
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

    def advice(self, max_body: int) -> str:
        """One line where the proxy's container was created or started with other parameters, else empty."""
        container = self._docker.inspect("container", self._name) or {}
        image = container.get("Config", {}).get("Image", "")
        published = container.get("HostConfig", {}).get("PortBindings", {}).get("8080/tcp") or [{}]
        port = published[0].get("HostPort", "")
        differing = []
        if port != str(self._bounds.port):
            differing.append(f"deploy.port {port}, not {self._bounds.port}")
        if image != self._bounds.proxy_image:
            differing.append(f"deploy.proxy_image {image}, not {self._bounds.proxy_image}")
        if f"description: {haproxy.description(max_body)}" not in self.command("show info").splitlines():
            differing.append(f"another serve.max_body than {max_body}")
        if not differing:
            return ""
        remedy = f"`docker rm -f {self._name}` on the host, then deploy again (the port is closed for some seconds)"
        return f"warning: the proxy still has {' and '.join(differing)}; to change that: {remedy}"

    def sessions(self, slot: str) -> int:
        """How many sessions are open on a slot's server."""
        for line in self.command("show stat service 4 -1").splitlines():
            parts = line.split(",")
            if len(parts) > 4 and parts[1] == slot:
                return int(parts[4])
        return 0


def wait_for(condition: Callable[[], bool], message: str) -> None:
    """Wait until the condition holds; PipelineError with the message after `TIMEOUT` seconds."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise PipelineError(message)
        time.sleep(0.1)
