"""The target `docker`: one host with Docker, reached only by Docker's API; HAProxy is in front of both releases."""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy import observed
from pipeline.ship.deploy.docker import access, haproxy, keys, public_keys
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.deploy.docker.containers import PORT, Containers
from pipeline.ship.deploy.docker.keys import Key, Keys
from pipeline.ship.deploy.docker.proxy import CONFIGURATION, TIMEOUT, Proxy, wait_for
from pipeline.ship.deploy.evidence import Side
from pipeline.ship.deploy.observed import StepState
from pipeline.ship.deploy.target import Answer
from pipeline.ship.release import ledger
from pipeline.ship.release.docker_cli import Docker
from pipeline.ship.release.manifest import Release, parse

PARKED = "paused.json"  # in the volume `state`: the release of the canary that was paused last
LEASE = 5  # seconds for which a candidate keeps its traffic after its deployer's last renewal


class DockerTarget:
    """What `pipeline deploy --target docker` deploys to."""

    def __init__(self, host: str | None, bounds: Deploy, max_body: int) -> None:
        self._docker, self._bounds, self._max_body = Docker(host), bounds, max_body
        self._containers = Containers(self._docker, bounds)
        self._lock = f"{bounds.name}-deployer"

    def image(self) -> str | None:
        return self._containers.image()

    @contextmanager
    def lock(self, image: str, deployer: str) -> Iterator["DockerHost"]:
        """The lock is the agent's container, by its name."""
        public_keys.read(self._bounds)  # a bad file is refused before anything starts
        self._containers.pull(image)
        if self._docker.inspect("network", self._containers.network) is None:
            self._docker.attempt("network", "create", self._containers.network)
        with self._agent(self._lock, "a deployment", image, deployer) as host:
            host.check()
            yield host

    @contextmanager
    def beside(self, image: str, deployer: str) -> Iterator["DockerHost"]:
        with self._agent(f"{self._bounds.name}-operator", "another switch", image, deployer) as host:
            yield host

    @contextmanager
    def _agent(self, name: str, purpose: str, image: str, deployer: str) -> Iterator["DockerHost"]:
        with Agent(self._docker, name, purpose, self._agent_options(deployer), image) as agent:
            yield DockerHost(self._docker, self._containers, agent, self._bounds, self._max_body)

    def history(self) -> list[dict[str, Any]]:
        return ledger.on_host(self._docker, self._bounds)

    def is_locked(self) -> bool:
        return self._docker.inspect("container", self._lock) is not None

    def keys(self, deployer: str) -> Keys:
        """The API keys of this host, to be changed."""
        return Keys(lambda: self._key_agent(deployer))

    def known_keys(self) -> list[Key]:
        return keys.parse(ledger.read_state(self._docker, self._bounds, access.KEYS))

    def _key_agent(self, deployer: str) -> Agent:
        """An agent beside the deployer's, by the image of a release that runs."""
        if (image := self.image()) is None:
            raise PipelineError(f"keys: nothing of {self._bounds.name} runs on this host; deploy first, then add keys")
        name = f"{self._bounds.name}-keys"
        return Agent(self._docker, name, "a change of keys", self._agent_options(deployer), image)

    def _agent_options(self, deployer: str) -> list[str]:
        volume = self._containers.volume
        return [
            *("--user", "0:0", "--cap-drop", "ALL", "--cap-add", "DAC_OVERRIDE", "--cap-add", "FOWNER"),
            *("--read-only", "--memory", "256m"),
            *("--security-opt", "no-new-privileges", "--no-healthcheck", "--network", self._containers.network),
            *("--volume", f"{volume('state')}:/state", "--volume", f"{volume('run')}:/run/proxy"),
            *("--volume", f"{volume('log')}:/logs", "--label", f"pipeline.deployer={deployer}"),
        ]


class DockerHost:
    """The host while this deployment holds its lock."""

    def __init__(self, docker: Docker, containers: Containers, agent: Agent, bounds: Deploy, max_body: int) -> None:
        self._containers, self._agent, self._bounds = containers, agent, bounds
        self._front = f"{bounds.name}-proxy"
        self._entries: tuple[int, list[dict[str, Any]]] = (0, [])  # of the ledger, and how many bytes it had
        self._proxy = Proxy(docker, agent, bounds, containers, max_body)

    def check(self) -> None:
        """PipelineError where the proxy would refuse the settings of params.yaml."""
        self._proxy.check()

    def champion(self) -> str | None:
        champion = haproxy.champion(self._agent.call("read", CONFIGURATION))
        return champion[0] if champion else None

    def reset(self) -> None:
        champion = haproxy.champion(self._agent.call("read", CONFIGURATION))
        if champion:
            self._proxy.start()
            self._proxy.command(f"lease settle {champion[1]}")
        failed = []
        for release in self._containers.releases():
            if champion and release == champion[0]:
                continue
            if self.find_release(release):  # it has been the champion
                self._containers.stop(release)
            else:
                failed.append(release)
        self._containers.keep_failed(failed)

    def start(self, release: Release) -> None:
        if not self.find_release(release.id):  # what failed before starts anew, by today's parameters
            self._containers.remove(release.id)
        self._containers.start(release, self._agent)

    def is_ready(self, release: str) -> bool:
        return self._containers.is_ready(release, self._agent)

    def serves(self) -> bool:
        ((status, _, _),) = self._agent.call(
            "send", self._front, 8080, "GET", "/readyz", [None], 3.0, self._bounds.tls is not None
        )
        return bool(status == 200)

    def exit_reason(self, release: str) -> str | None:
        return self._containers.exit_reason(release)

    def predict(self, release: str, bodies: Sequence[Any], timeout: float) -> list[Answer]:
        name = self._containers.name(release)
        answers = self._agent.call("send", name, PORT, "POST", "/predict", list(bodies), timeout)
        return [Answer(*answer) for answer in answers]

    def recent_lines(self, release: str, limit: int) -> list[dict[str, Any]]:
        return _parse(self._agent.call("recent_lines", release, limit))

    def new_lines(self, release: str) -> list[dict[str, Any]]:
        return _parse(self._agent.call("new_lines", release))

    def route(self, release: str, percent: int) -> None:
        _, slot = self._champion_slot()
        free = haproxy.other_slot(slot)
        address, name = self._containers.address(release), self._containers.name(release)
        if self._proxy.host_name(free) != name:  # the address may have been a stopped container's
            self._proxy.command(f"set server service/{free} fqdn {name}")
        wait_for(lambda: self._proxy.reachable_address(free) == address, f"the proxy does not reach release {release}")
        self._proxy.command(f"lease route {slot} {free} {percent} {LEASE}")

    def renew(self, release: str) -> None:
        _, slot = self._champion_slot()
        if self._proxy.command(f"lease renew {haproxy.other_slot(slot)} {LEASE}") != "kept":
            raise PipelineError(
                "the proxy has taken the candidate's traffic back: it was restarted, or the deployer was slow"
            )

    def requests(self) -> tuple[Side, Side]:
        champion = haproxy.champion(self._agent.call("read", CONFIGURATION))
        return haproxy.count(self._agent.call("request_lines"), champion[1] if champion else haproxy.SLOTS[0])

    def promote(self, release: Release) -> None:
        """Write the configuration first: from then on a restarted proxy serves the new champion, too."""
        champion = haproxy.champion(self._agent.call("read", CONFIGURATION))
        slot = haproxy.other_slot(champion[1]) if champion else haproxy.SLOTS[0]
        if champion:
            self.route(release.id, 100)
        self._agent.call("write", f"releases/{release.id}.json", release.model_dump_json())
        self._containers.restart_with_host(release.id)
        self._proxy.write(release.id, slot)
        self._proxy.start()
        self._proxy.command(f"lease settle {slot}")

    def retire(self, release: str) -> None:
        _, slot = self._champion_slot()
        old = haproxy.other_slot(slot)
        end = time.monotonic() + TIMEOUT
        while self._proxy.sessions(old) and time.monotonic() < end:
            time.sleep(0.1)
        self._containers.stop(release)
        champion = self.champion()
        assert champion
        self._containers.prune(champion, ledger.served(self.ledger()))

    def find_release(self, release: str) -> Release | None:
        text = self._agent.call("read", f"releases/{release}.json")
        return parse(text, f"release {release} on the host") if text else None

    def ledger(self) -> list[dict[str, Any]]:
        """The file only grows, so it is read again only then: a step looks twice a second."""
        size = self._agent.call("size", ledger.FILE)
        if size != self._entries[0]:
            text = self._agent.call("read", ledger.FILE) or ""
            self._entries = (size, ledger.parse(text.split("\n"), f"the host's {ledger.FILE}"))
        return list(self._entries[1])

    def record(self, entry: dict[str, Any]) -> None:
        self._agent.call("append", ledger.FILE, json.dumps(entry, ensure_ascii=False))
        self._publish()

    def observe(self, step: StepState) -> None:
        self._publish(step)

    def _publish(self, step: StepState | None = None) -> None:
        """Write what operators read; a disk that takes no more of it stops no deployment."""
        with contextlib.suppress(PipelineError):
            entries = self.ledger()
            text = observed.exposition(entries, self._slots(entries), self._bounds, step)
            self._agent.call("write", observed.FILE, text, False)

    def _slots(self, entries: Sequence[dict[str, Any]]) -> dict[str, tuple[str, str]]:
        """Release and role in each slot of the balancer."""
        champion = haproxy.champion(self._agent.call("read", CONFIGURATION))
        slots = {champion[1]: (champion[0], "champion")} if champion else {}
        unfinished = ledger.unfinished(entries)
        if champion and unfinished and unfinished["release"] != champion[0]:
            slots[haproxy.other_slot(champion[1])] = (unfinished["release"], "candidate")
        return slots

    def park(self, release: Release) -> None:
        self._agent.call("write", PARKED, release.model_dump_json())

    def parked(self) -> Release | None:
        text = self._agent.call("read", PARKED)
        return parse(text, f"{PARKED} on the host") if text else None

    def read_state(self, name: str) -> str | None:
        """The text of a file of the state; None where there is none."""
        text: str | None = self._agent.call("read", name)
        return text

    def write_state(self, name: str, text: str) -> None:
        """Replace a file of the state."""
        self._agent.call("write", name, text)

    def advice(self) -> str:
        return self._proxy.advice()

    def _champion_slot(self) -> tuple[str, str]:
        champion = haproxy.champion(self._agent.call("read", CONFIGURATION))
        if champion is None:
            raise PipelineError("the host has no champion; its state volume is damaged: deploy to it again")
        return champion


def _parse(lines: Sequence[str]) -> list[dict[str, Any]]:
    """JSON lines as objects; a truncated line is left out."""
    objects = []
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            objects.append(value)
    return objects
