"""A deployment's volumes on its host, from outside: calls of `host_files.py`, while no deployment is under way."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy.docker.containers import Containers
from pipeline.ship.release import ledger
from pipeline.ship.release.docker_cli import Docker, error_line

SOURCE = Path(__file__).with_name("host_files.py")
Call = tuple[str, Sequence[Any]]  # a function's name and its arguments


class Volumes:
    """The volumes `state` and `log` of a deployment."""

    def __init__(self, docker: Docker, bounds: Deploy, user: str) -> None:
        self._docker, self._bounds, self._user = docker, bounds, user
        self._containers = Containers(docker, bounds)

    def exist(self) -> bool:
        """Whether anything was deployed to the host."""
        return self._docker.inspect("volume", self._containers.volume("state")) is not None

    def call(self, name: str, *arguments: Any) -> Any:
        """The answer of one function; PipelineError with its reason."""
        return self.calls([(name, arguments)])[0]

    def calls(self, calls: Sequence[Call]) -> list[Any]:
        """The answers of several, in one container that holds the lock; PipelineError with the first reason."""
        process = self._docker.open("run", "--rm", "--interactive", *self._options(), "-c", SOURCE.read_text("utf-8"))
        output, errors = process.communicate(json.dumps(calls))
        if "already in use" in errors:
            raise PipelineError("a deployment is under way; wait until it has ended, then run again")
        try:
            answers = json.loads(output)
        except ValueError:
            raise PipelineError(f"the host: {error_line(errors)}") from None
        for answer in answers:
            if "error" in answer:
                raise PipelineError(f"the host: {answer['error']}")
        return [answer["value"] for answer in answers]

    def _options(self) -> list[str]:
        volume = self._containers.volume
        return [
            *("--name", f"{self._bounds.name}-deployer", "--label", f"pipeline.deployer={self._user}"),
            *("--user", "0:0", "--cap-drop", "ALL", "--cap-add", "DAC_OVERRIDE", "--cap-add", "FOWNER"),
            *("--read-only", "--memory", "256m", "--security-opt", "no-new-privileges", "--no-healthcheck"),
            *("--network", "none", "--volume", f"{volume('state')}:/state", "--volume", f"{volume('log')}:/logs"),
            *("--entrypoint", "python3", self._image()),
        ]

    def _image(self) -> str:
        """The image of a release that the host has: what runs, else what served last."""
        entries = ledger.on_host(self._docker, self._bounds)
        served = [str(entry.get("image", "")) for entry in reversed(entries) if entry["event"] == "serving"]
        images = [image for image in (self._containers.image(), *served) if image]
        chosen = next((image for image in images if self._docker.inspect("image", image)), None)
        if chosen is None:
            raise PipelineError(
                "the host has no image of a release to work on its volumes with; deploy a release, then run again"
            )
        return chosen
