"""The deployer's connection to `host_agent.py`: remote calls, and the lock."""

import contextlib
import json
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.ship.release.docker_cli import Docker, error_line

SOURCE = Path(__file__).with_name("host_agent.py")
HEARTBEAT = 4.0  # seconds


class AgentLostError(PipelineError):
    """The host can't be reached any more, or its agent was stopped."""


class Agent:
    """Runs `host_agent.py` in a container with this name and these options while the `with` block runs.

    `purpose`: what is under way where a container has that name already.
    """

    def __init__(self, docker: Docker, name: str, purpose: str, options: Sequence[str], image: str) -> None:
        self._docker, self.name, self._purpose = docker, name, purpose
        self._command = ["run", "--rm", "--interactive", "--name", name, *options, "--entrypoint", "python3", image]
        self._call_lock, self._stopped = threading.Lock(), threading.Event()
        self._number = 0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Agent":
        self._process = self._docker.open(*self._command, "-u", "-c", SOURCE.read_text(encoding="utf-8"))
        try:
            self.call("ping")
        except AgentLostError as error:
            if "already in use" in str(error):
                raise self._locked() from None
            raise PipelineError(f"the host: {error}") from None
        threading.Thread(target=self._send_heartbeats, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process
        self._stopped.set()
        with contextlib.suppress(OSError):
            assert self._process.stdin
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._docker.attempt("rm", "--force", "--volumes", self.name)
            self._process.kill()

    def call(self, name: str, *arguments: Any) -> Any:
        """The agent's answer; PipelineError with its reason, AgentLostError where the agent no longer runs."""
        process = self._process
        assert process
        assert process.stdin
        assert process.stdout
        with self._call_lock:
            try:
                self._number += 1
                process.stdin.write(json.dumps([self._number, name, arguments]) + "\n")
                process.stdin.flush()
                answer = {"number": 0}
                while answer["number"] != self._number:  # skip the answer to an interrupted call
                    answer = json.loads(process.stdout.readline())
            except (OSError, ValueError):
                raise AgentLostError(self._error_output(process)) from None
        if "error" in answer:
            raise PipelineError(f"the host: {name}: {answer['error']}")
        return answer["value"]

    def _error_output(self, process: "subprocess.Popen[str]") -> str:
        assert process.stderr
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return error_line(process.stderr.read())
        return "does not answer"

    def _send_heartbeats(self) -> None:
        while not self._stopped.wait(HEARTBEAT):
            try:
                self.call("ping")
            except PipelineError:
                return

    def _locked(self) -> PipelineError:
        container = self._docker.inspect("container", self.name) or {}
        deployer = container.get("Config", {}).get("Labels", {}).get("pipeline.deployer", "somebody")
        since = str(container.get("Created", ""))[:19]
        return PipelineError(
            f"{self._purpose} is under way ({deployer}, since {since} UTC); wait until it has ended, then run again"
        )
