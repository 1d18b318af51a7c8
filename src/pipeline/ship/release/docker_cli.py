"""Docker's command line, which also reaches a host by SSH (DOCKER_HOST): output as text, errors as one line."""

import json
import os
import re
import subprocess
from typing import Any

from pipeline.core.errors import PipelineError

TIMEOUT = 600  # seconds; pulling an image takes the longest


class Docker:
    """The engine of one host; None is Docker's own default (DOCKER_HOST, the context)."""

    def __init__(self, host: str | None) -> None:
        self._environment = os.environ | ({"DOCKER_HOST": host} if host else {})

    def run(self, *command: str) -> str:
        """The command's output; PipelineError with Docker's last line where it fails."""
        result = self.attempt(*command)
        if result.returncode:
            raise PipelineError(f"docker {command[0]}: {error_line(result.stderr)}")
        return result.stdout.strip()

    def attempt(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run the command; the caller checks the exit status."""
        try:
            return subprocess.run(
                ["docker", *command],
                env=self._environment,
                capture_output=True,
                encoding="utf-8",
                check=False,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise PipelineError(f"docker {command[0]}: did not finish within {TIMEOUT} s; check the host") from None
        except OSError:
            raise not_installed() from None

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """What `docker inspect` says of an object; None where there is none."""
        result = self.attempt(kind, "inspect", name)
        absent = rf"no such {kind}\b|^Error[^:]*: {kind} \S+ not found$"  # an unknown host name must not match
        if result.returncode and not re.search(absent, result.stderr, re.IGNORECASE | re.MULTILINE):
            raise PipelineError(f"docker: {error_line(result.stderr)}; is the engine running, and --host right?")
        objects = json.loads(result.stdout or "[]")
        return objects[0] if objects else None

    def open(self, *command: str) -> "subprocess.Popen[str]":
        """Start a command whose input and output stay open."""
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(
                ["docker", *command],
                env=self._environment,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                encoding="utf-8",
                bufsize=1,
                start_new_session=True,  # Ctrl-C must reach the deployer alone, which then resets the host
            )
        except OSError:
            raise not_installed() from None


def not_installed() -> PipelineError:
    return PipelineError("docker: is not on the PATH; install Docker's command line")


def error_line(stderr: str) -> str:
    """The line that says what is wrong, without Docker's advice to read its help."""
    lines = [
        line for line in stderr.splitlines() if line.strip() and not line.startswith(("See 'docker", "Run 'docker"))
    ]
    return " ".join(lines[-1].removeprefix("docker: ").split()).rstrip(".") if lines else "failed without a message"
