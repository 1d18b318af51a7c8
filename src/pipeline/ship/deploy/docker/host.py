"""The target `docker`: one host with Docker; champion and candidate behind HAProxy, reached by Docker's API alone."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy import ledger
from pipeline.ship.deploy.docker import haproxy
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.deploy.docker.cli import Docker, said
from pipeline.ship.deploy.docker.containers import PORT, Containers
from pipeline.ship.deploy.docker.proxy import CONFIGURATION, PATIENCE, Proxy, wait
from pipeline.ship.deploy.evidence import Side
from pipeline.ship.deploy.targets import Answer
from pipeline.ship.release.manifest import Release, parse

LEASE = 5  # seconds that a candidate keeps its traffic without its deployer
LEDGER = "ledger.jsonl"


class DockerTarget:
    """Where `pipeline deploy --target docker` deploys to."""

    def __init__(self, host: str | None, bounds: Deploy, largest: int) -> None:
        self._docker, self._bounds, self._largest = Docker(host), bounds, largest
        self._containers = Containers(self._docker, bounds)
        self._lock = f"{bounds.name}-deployer"

    def image(self) -> str | None:
        return self._containers.image()

    @contextmanager
    def hold(self, image: str, who: str) -> Iterator["DockerHost"]:
        """The container of that name is the lock."""
        self._containers.bring(image)
        if self._docker.inspect("network", self._containers.network) is None:
            self._docker.attempt("network", "create", self._containers.network)
        with Agent(self._docker, self._lock, self._agent_options(who), image) as agent:
            yield DockerHost(self._docker, self._containers, agent, self._bounds, self._largest)

    def history(self) -> list[dict[str, Any]]:
        volume = self._containers.volume("state")
        if self._docker.inspect("volume", volume) is None:
            return []
        proxy = self._docker.inspect("container", f"{self._bounds.name}-proxy")
        image = proxy["Image"] if proxy else self._bounds.proxy_image
        mounted = ["--volume", f"{volume}:/state:ro", "--network", "none", "--entrypoint", "cat", image]
        done = self._docker.attempt("run", "--rm", *mounted, f"/state/{LEDGER}")
        unwritten = done.returncode == 1 and "No such file" in done.stderr
        if done.returncode and not unwritten:
            raise PipelineError(f"docker run: {said(done.stderr)}")
        return ledger.entries(done.stdout.split("\n"), f"{volume}/{LEDGER}")

    def held(self) -> bool:
        return self._docker.inspect("container", self._lock) is not None

    def _agent_options(self, who: str) -> list[str]:
        volume = self._containers.volume
        return [
            *(
                "--user",
                "0:0",
                "--cap-drop",
                "ALL",
                "--cap-add",
                "DAC_OVERRIDE",
                "--cap-add",
                "FOWNER",
                "--read-only",
                "--memory",
                "256m",
            ),
            *("--security-opt", "no-new-privileges", "--network", self._containers.network),
            *("--volume", f"{volume('state')}:/state", "--volume", f"{volume('run')}:/run/proxy"),
            *("--volume", f"{volume('log')}:/logs", "--label", f"pipeline.deployer={who}"),
        ]


class DockerHost:
    """The host while this deployment holds it."""

    def __init__(self, docker: Docker, containers: Containers, agent: Agent, bounds: Deploy, largest: int) -> None:
        self._containers, self._agent, self._largest = containers, agent, largest
        self._proxy = Proxy(docker, agent, bounds, containers)

    def champion(self) -> str | None:
        found = haproxy.champion(self._agent.call("read", CONFIGURATION))
        return found[0] if found else None

    def settle(self) -> None:
        found = haproxy.champion(self._agent.call("read", CONFIGURATION))
        if found:
            self._proxy.start()
            self._proxy.command(f"lease settle {found[1]}")
        for release in self._containers.releases():
            if found and release == found[0]:
                continue
            if self.known(release):  # it served once
                self._containers.stop(release)
            else:
                self._containers.remove(release)

    def start(self, release: Release) -> None:
        self._containers.start(release, self._agent)

    def ready(self, release: str) -> bool:
        return self._containers.ready(release, self._agent)

    def ended(self, release: str) -> str | None:
        return self._containers.ended(release)

    def ask(self, release: str, bodies: Sequence[Any], seconds: float) -> list[Answer]:
        name = self._containers.name(release)
        told = self._agent.call("ask", name, PORT, "POST", "/predict", list(bodies), seconds)
        return [Answer(*one) for one in told]

    def recent(self, release: str, limit: int) -> list[dict[str, Any]]:
        return _lines(self._agent.call("recent", release, limit))

    def fresh(self, release: str) -> list[dict[str, Any]]:
        return _lines(self._agent.call("fresh", release))

    def route(self, release: str, percent: int) -> None:
        _, slot = self._slot()
        free = haproxy.other(slot)
        address, name = self._containers.address(release), self._containers.name(release)
        if self._proxy.named(free) != name:  # the address alone may be a stopped container's, taken over
            self._proxy.command(f"set server service/{free} fqdn {name}")
        wait(lambda: self._proxy.reached(free) == address, f"the proxy does not reach release {release}")
        self._proxy.command(f"lease route {slot} {free} {percent} {LEASE}")

    def renew(self, release: str) -> None:
        _, slot = self._slot()
        if self._proxy.command(f"lease renew {haproxy.other(slot)} {LEASE}") != "kept":
            raise PipelineError(
                "the proxy has taken the candidate's traffic back: it was restarted, or the deployer was slow"
            )

    def requests(self) -> tuple[Side, Side]:
        found = haproxy.champion(self._agent.call("read", CONFIGURATION))
        return haproxy.counted(self._agent.call("requests"), found[1] if found else haproxy.SLOTS[0])

    def promote(self, release: Release) -> None:
        """The configuration on disk first: from then on a restarted proxy serves the new champion too."""
        found = haproxy.champion(self._agent.call("read", CONFIGURATION))
        slot = haproxy.other(found[1]) if found else haproxy.SLOTS[0]
        if found:
            self.route(release.id, 100)
        self._agent.call("write", f"releases/{release.id}.json", release.model_dump_json())
        self._containers.keep(release.id)
        host = self._containers.name(release.id)
        self._agent.call("write", CONFIGURATION, haproxy.configuration(release.id, slot, host, self._largest))
        self._proxy.start()
        self._proxy.command(f"lease settle {slot}")

    def retire(self, release: str) -> None:
        _, slot = self._slot()
        old = haproxy.other(slot)
        end = time.monotonic() + PATIENCE
        while self._proxy.sessions(old) and time.monotonic() < end:
            time.sleep(0.1)
        self._containers.stop(release)
        champion = self.champion()
        assert champion
        self._containers.prune(champion, ledger.served(self.ledger()))

    def known(self, release: str) -> Release | None:
        text = self._agent.call("read", f"releases/{release}.json")
        return parse(text, f"release {release} on the host") if text else None

    def ledger(self) -> list[dict[str, Any]]:
        return ledger.entries((self._agent.call("read", LEDGER) or "").split("\n"), f"the host's {LEDGER}")

    def record(self, entry: dict[str, Any]) -> None:
        self._agent.call("append", LEDGER, json.dumps(entry, ensure_ascii=False))

    def advice(self) -> str:
        return self._proxy.advice(self._largest)

    def _slot(self) -> tuple[str, str]:
        found = haproxy.champion(self._agent.call("read", CONFIGURATION))
        if found is None:
            raise PipelineError("the host has no champion; its state volume is damaged: deploy to it anew")
        return found


def _lines(lines: Sequence[str]) -> list[dict[str, Any]]:
    """JSON lines as objects; one that was cut is left out."""
    found = []
    for line in lines:
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict):
            found.append(one)
    return found
