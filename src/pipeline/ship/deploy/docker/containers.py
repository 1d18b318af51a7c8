"""The service's containers on a Docker host: one for each release, named after it, with few rights."""

import time
from collections.abc import Sequence

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.release.docker_cli import Docker
from pipeline.ship.release.manifest import Release

PORT = 3000
READY_TIMEOUT = 60.0  # seconds until a started service is ready
STOP_TIMEOUT = 30  # seconds that a stopped service has to finish its requests
MAX_STOPPED = 2  # stopped releases that are kept beside the champion
LAST_LINES, LAST_CHARACTERS = 3, 500  # of a container's log, in the reason why it failed
LOGS = "/var/log/predictions"


class Containers:
    """Starts, stops and removes the containers; the agent checks whether they are ready."""

    def __init__(self, docker: Docker, bounds: Deploy) -> None:
        self._docker, self._bounds = docker, bounds
        self.network = f"{bounds.name}-network"

    def name(self, release: str) -> str:
        return f"{self._bounds.name}-release-{release}"

    def volume(self, kind: str) -> str:
        return f"{self._bounds.name}-{kind}"

    def image(self) -> str | None:
        """The image of a release that runs; None where none does."""
        for release in self.releases("running"):
            if container := self._docker.inspect("container", self.name(release)):
                return str(container["Image"])
        return None

    def pull(self, image: str) -> None:
        """Pull an image where the host lacks it; PipelineError where that fails, or it would run as root."""
        if self._docker.inspect("image", image) is None:
            self._docker.run("pull", "--quiet", image)
        user = str((self._docker.inspect("image", image) or {})["Config"].get("User", ""))
        if self._is_root(image, user.partition(":")[0]):
            raise PipelineError(
                f"{image}: runs as root (USER {user or 'is not set'}); its Dockerfile must name another"
            )

    def _is_root(self, image: str, user: str) -> bool:
        """Whether a user of the image has the id 0; for a name the image itself is asked, which knows its users."""
        try:
            return int(user or "0") == 0
        except ValueError:
            limits = ["--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--entrypoint", "python3"]
            return self._docker.run("run", *limits, image, "-c", "import os; print(os.getuid())") == "0"

    def start(self, release: Release, agent: Agent) -> None:
        """Run the release and wait until it is ready; a container that is stopped, or hangs, is restarted."""
        name = self.name(release.id)
        if self._docker.inspect("container", name) is None:
            self.pull(release.image)
            self._docker.run("run", "--detach", "--name", name, *self._options(release), release.image)
        else:
            self._docker.run("restart", name)
        end = time.monotonic() + READY_TIMEOUT
        while not self.is_ready(release.id, agent):
            if reason := self.exit_reason(release.id):
                raise PipelineError(f"release {release.id}: does not start ({reason}); see `docker logs {name}`")
            if time.monotonic() > end:
                output = self._last_lines(release.id)
                raise PipelineError(
                    f"release {release.id}: is not ready after {READY_TIMEOUT:g} s ({output}); see `docker logs {name}`"
                )
            time.sleep(0.2)

    def is_ready(self, release: str, agent: Agent) -> bool:
        ((status, _, _),) = agent.call("send", self.name(release), PORT, "GET", "/readyz", [None], 3.0)
        return bool(status == 200)

    def exit_reason(self, release: str) -> str | None:
        """Why its container stopped, with the last lines of its log; None where it runs."""
        container = self._docker.inspect("container", self.name(release))
        if container is None:
            return "its container was removed"
        state = container["State"]
        if state["Running"]:
            return None
        reason = "killed: over its memory limit" if state.get("OOMKilled") else f"exit status {state.get('ExitCode')}"
        return f"{reason}: {self._last_lines(release)}"

    def _last_lines(self, release: str) -> str:
        """The last lines of its log, on one line: the errors last."""
        logs = self._docker.attempt("logs", "--tail", str(LAST_LINES), self.name(release))
        lines = [line for line in (logs.stdout + logs.stderr).splitlines() if line.strip()]
        return (
            " | ".join(" ".join(line.split()) for line in lines[-LAST_LINES:])[-LAST_CHARACTERS:] or "it logged nothing"
        )

    def address(self, release: str) -> str:
        """Its IP address in the deployment's network; empty where it does not run."""
        container = self._docker.inspect("container", self.name(release)) or {}
        networks = container.get("NetworkSettings", {}).get("Networks", {})
        return str(networks.get(self.network, {}).get("IPAddress", ""))

    def releases(self, status: str | None = None) -> list[str]:
        """The releases that have a container, or one with that status."""
        conditions = [f"label=pipeline.deployment={self._bounds.name}", "label=pipeline.release.id"]
        conditions += [f"status={status}"] if status else []
        filters = [part for condition in conditions for part in ("--filter", condition)]
        return self._docker.run("ps", "--all", *filters, "--format", '{{.Label "pipeline.release.id"}}').split()

    def restart_with_host(self, release: str) -> None:
        """Let the champion's container start again with its host."""
        self._docker.run("update", "--restart", "unless-stopped", self.name(release))

    def stop(self, release: str) -> None:
        if self._docker.inspect("container", self.name(release)):
            self._docker.run("stop", "--time", str(STOP_TIMEOUT), self.name(release))

    def remove(self, release: str) -> None:
        self._docker.attempt("rm", "--force", "--volumes", self.name(release))

    def keep_failed(self, releases: Sequence[str]) -> None:
        """Keep the newest of these failed candidates (newest first), stopped, for its log; the others go."""
        for release in releases[:1]:
            self._docker.attempt("kill", self.name(release))  # its requests are answered by the champion
        for release in releases[1:]:
            self.remove(release)

    def prune(self, champion: str, served: Sequence[str]) -> None:
        """Keep the champion and the last releases that served before it (`served`: newest first); images stay."""
        previous = [release for release in served if release != champion][:MAX_STOPPED]
        for release in self.releases():
            if release not in {champion, *previous}:
                self.remove(release)

    def _options(self, release: Release) -> list[str]:
        labels = {
            "deployment": self._bounds.name,
            "release.id": release.id,
            "commit": release.commit,
            "lock": release.lock,
        }
        return [
            *("--network", self.network, "--read-only", "--tmpfs", "/tmp:size=256m", "--cap-drop", "ALL"),  # noqa: S108
            *("--security-opt", "no-new-privileges", "--pids-limit", "512"),
            *("--memory", self._bounds.memory, "--cpus", f"{self._bounds.cpus:g}"),
            *("--log-opt", "max-size=10m", "--log-opt", "max-file=3"),
            *("--volume", f"{self.volume('log')}:{LOGS}", "--env", f"PIPELINE_LOG_FOLDER={LOGS}/{release.id}"),
            *(part for key, value in labels.items() for part in ("--label", f"pipeline.{key}={value}")),
        ]
