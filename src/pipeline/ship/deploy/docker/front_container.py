"""The front's container: what it is made with, whether its settings are valid, and how it takes new ones."""

import re
from pathlib import PurePosixPath
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.params import Access, Deploy
from pipeline.ship.deploy.docker import access, front, public_keys
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.release.docker_cli import Docker, error_line

CONFIGURATION, CANDIDATE = "front.cfg", "front-check.cfg"
LABEL, RELOADS = "pipeline.front", "reloads"  # the value of an earlier front, which can't be reloaded, is another


class Front:
    """The front of a deployment, with the settings of today's params.yaml."""

    def __init__(self, docker: Docker, agent: Agent, bounds: Deploy) -> None:
        self._docker, self._agent, self._bounds = docker, agent, bounds
        self.name = f"{bounds.name}-proxy"
        issuer_keys, self._authorities = public_keys.read(bounds)
        rules = access.rules(bounds, issuer_keys, self._authorities)
        self._text, self._files = front.configuration(bounds, rules), rules.files

    def check(self, container: dict[str, Any] | None, rights: list[str]) -> None:
        """PipelineError where HAProxy would refuse these settings, or the container of today can't take them."""
        if self._bounds.access == Access() and self._bounds.tls is None:
            return
        if container is not None and not self._takes(container):
            raise PipelineError(
                "deploy.access, deploy.tls: the proxy's container was made without what they need; `docker rm -f "
                f"{self.name}` on the host, then deploy again (the port is closed until then)"
            )
        if self.is_applied():  # what has expired since then must not stop a rollback
            return
        if self._authorities:
            public_keys.refuse_expired("deploy.tls.clients", self._authorities)
        self._write(CANDIDATE)
        command = [*rights, "--network", "none", *self.mounts(), "--entrypoint", "haproxy", self._bounds.proxy_image]
        result = self._docker.attempt("run", "--rm", *command, "-c", "-f", f"/state/{CANDIDATE}")
        if result.returncode:
            raise PipelineError(f"deploy.access, deploy.tls: the proxy refuses them: {_reason(result.stderr)}")

    def mounts(self) -> list[str]:
        """The volume `state`, and the folder of the certificate."""
        mounts = ["--volume", f"{self._bounds.name}-state:/state:ro"]
        if folder := self._folder():
            mounts += ["--mount", f"type=bind,source={folder},target={access.TLS_FOLDER},readonly"]
        return mounts

    def options(self) -> list[str]:
        """What the container is made with, besides its rights and mounts."""
        self.write()
        memory = front.memory(tls=self._bounds.tls is not None)
        return [
            *("--publish", f"{self._address()}{self._bounds.port}:8080", "--memory", str(memory)),
            *("--label", f"{LABEL}={RELOADS}"),
            *(self._bounds.proxy_image, "-W", "-db", "-f", f"/state/{CONFIGURATION}"),
        ]

    def is_applied(self) -> bool:
        """Whether a front runs with these settings."""
        try:
            info = str(self._agent.call("proxy", "show info", front.SOCKET))
        except PipelineError:
            return False
        return f"description: {front.description(self._text)}" in info.splitlines()

    def reload(self) -> None:
        """Start a worker with what the files say now; the one before finishes its requests."""
        self.write()
        self._docker.run("kill", "--signal", "USR2", self.name)

    def write(self) -> None:
        """Write what the front reads when it starts."""
        self._write(CONFIGURATION)

    def _write(self, name: str) -> None:
        for file, text in self._files.items():
            self._agent.call("write", file, text)
        if self._bounds.access.keys and self._agent.call("read", access.KEYS) is None:
            self._agent.call("write", access.KEYS, "")
        self._agent.call("write", name, self._text)

    def _takes(self, container: dict[str, Any]) -> bool:
        """Whether a container can be reloaded, and has the certificate's folder."""
        mounts = {mount.get("Destination"): mount.get("Source") for mount in container.get("Mounts") or []}
        return can_reload(container) and self._folder() in {None, mounts.get(access.TLS_FOLDER)}

    def _folder(self) -> str | None:
        tls = self._bounds.tls
        return str(PurePosixPath(tls.certificate).parent) if tls else None

    def _address(self) -> str:
        """The address that the port is opened on, as `docker run --publish` takes it."""
        bind = self._bounds.bind
        return "" if bind == "all" else f"[{bind}]:" if ":" in bind else f"{bind}:"


def is_front(container: dict[str, Any]) -> bool:
    """Whether a container is a front, and not the proxy of an earlier version."""
    return LABEL in (container.get("Config", {}).get("Labels") or {})


def can_reload(container: dict[str, Any]) -> bool:
    """Whether a container has a master that starts a new worker on SIGUSR2; an earlier front would end."""
    return is_front(container) and container["Config"]["Labels"][LABEL] == RELOADS


def _reason(stderr: str) -> str:
    """HAProxy's first alert, without where in the file; else Docker's last line."""
    alert = re.search(r"^\[ALERT\][^:]*: (?:config : )?(?:parsing \[[^]]*\] ?: )?(.*)$", stderr, re.MULTILINE)
    return " ".join(alert[1].split()).rstrip(".") if alert else error_line(stderr)
