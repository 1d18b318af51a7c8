"""The proxy's container, and what its admin socket is told and asked."""

import time
from collections.abc import Callable
from pathlib import Path

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy.docker import haproxy
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.deploy.docker.cli import Docker
from pipeline.ship.deploy.docker.containers import Containers

LUA = Path(__file__).with_name("lease.lua")
CONFIGURATION = "haproxy.cfg"
PATIENCE = 15.0  # seconds until the proxy knows a new server, and until an old one has no request left


class Proxy:
    """HAProxy beside the service's containers, reached by the agent."""

    def __init__(self, docker: Docker, agent: Agent, bounds: Deploy, containers: Containers) -> None:
        self._docker, self._agent, self._bounds, self._containers = docker, agent, bounds, containers
        self._name = f"{bounds.name}-proxy"

    def start(self) -> None:
        """Make sure that the proxy runs, and answers on its socket."""
        found = self._docker.inspect("container", self._name)
        if found is None:
            self._agent.call("write", LUA.name, LUA.read_text(encoding="utf-8"))
            try:
                self._docker.run("run", "--detach", "--name", self._name, *self._options())
            except PipelineError:  # made but not started: the port is taken, say
                self._docker.attempt("rm", "--force", self._name)
                raise
        elif not found["State"]["Running"]:
            self._docker.run("start", self._name)
        wait(self._answers, f"the proxy does not start; see `docker logs {self._name}`")

    def _options(self) -> list[str]:
        volume = self._containers.volume
        return [
            *("--network", self._containers.network, "--publish", f"{self._bounds.port}:8080", "--user", "65534:65534"),
            *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--restart", "unless-stopped"),
            *("--volume", f"{volume('state')}:/state:ro", "--volume", f"{volume('run')}:/run/proxy"),
            *("--log-opt", "max-size=10m", "--label", f"pipeline.deployment={self._bounds.name}"),
            *("--entrypoint", "haproxy", self._bounds.proxy_image, "-db", "-f", f"/state/{CONFIGURATION}"),
        ]

    def _answers(self) -> bool:
        try:
            return bool(self._agent.call("proxy", "show info"))
        except PipelineError:
            return False

    def command(self, command: str) -> str:
        return str(self._agent.call("proxy", command)).strip()

    def reached(self, slot: str) -> str | None:
        """The address behind a slot, where its health check passes."""
        state = self._state(slot)
        return state["address"] if state.get("runs") == "2" else None

    def named(self, slot: str) -> str | None:
        """The host name that a slot is bound to."""
        return self._state(slot).get("name")

    def _state(self, slot: str) -> dict[str, str]:
        """What the proxy says of a slot; nothing where it does not know it."""
        for line in self.command("show servers state service").splitlines():
            parts = line.split()
            if len(parts) > 17 and parts[3] == slot:
                return {"address": parts[4], "runs": parts[5], "name": parts[17]}
        return {}

    def advice(self, largest: int) -> str:
        """One line where the proxy's container was made, or began, with other parameters; empty where it was not."""
        found = self._docker.inspect("container", self._name) or {}
        image = found.get("Config", {}).get("Image", "")
        published = found.get("HostConfig", {}).get("PortBindings", {}).get("8080/tcp") or [{}]
        port = published[0].get("HostPort", "")
        differing = []
        if port != str(self._bounds.port):
            differing.append(f"deploy.port {port}, not {self._bounds.port}")
        if image != self._bounds.proxy_image:
            differing.append(f"deploy.proxy_image {image}, not {self._bounds.proxy_image}")
        if f"description: {haproxy.description(largest)}" not in self.command("show info").splitlines():
            differing.append(f"another serve.max_body than {largest}")
        if not differing:
            return ""
        way = f"`docker rm -f {self._name}` on the host, then deploy again (its port is silent for some seconds)"
        return f"warning: the proxy still has {' and '.join(differing)}; to change that: {way}"

    def sessions(self, slot: str) -> int:
        for line in self.command("show stat service 4 -1").splitlines():
            parts = line.split(",")
            if len(parts) > 4 and parts[1] == slot:
                return int(parts[4])
        return 0


def wait(done: Callable[[], bool], otherwise: str) -> None:
    """PipelineError with that sentence where it is not done in time."""
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise PipelineError(otherwise)
        time.sleep(0.1)
