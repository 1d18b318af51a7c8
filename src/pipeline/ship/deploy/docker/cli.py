"""Docker's own command line, which also reaches a host by SSH (DOCKER_HOST): answers as text, refusals as one line."""

import json
import os
import re
import subprocess
from typing import Any

from pipeline.core.errors import PipelineError

TIMEOUT = 600  # seconds; pulling an image takes the longest


class Docker:
    """The engine of one host; None takes Docker's own default (DOCKER_HOST, the context)."""

    def __init__(self, host: str | None) -> None:
        self._environment = os.environ | ({"DOCKER_HOST": host} if host else {})

    def run(self, *command: str) -> str:
        """The command's output; PipelineError with Docker's last line where it fails."""
        done = self.attempt(*command)
        if done.returncode:
            raise PipelineError(f"docker {command[0]}: {said(done.stderr)}")
        return done.stdout.strip()

    def attempt(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run the command; the caller looks at the exit status."""
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
            raise PipelineError(f"docker {command[0]}: did not end within {TIMEOUT} s; look at the host") from None
        except OSError:
            raise missing() from None

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """What `docker inspect` says of an object; None where there is none."""
        done = self.attempt(kind, "inspect", name)
        absent = rf"no such {kind}\b|^Error[^:]*: {kind} \S+ not found$"  # a host name can be unknown, too
        if done.returncode and not re.search(absent, done.stderr, re.IGNORECASE | re.MULTILINE):
            raise PipelineError(f"docker: {said(done.stderr)}; is the engine running, and --host right?")
        found = json.loads(done.stdout or "[]")
        return found[0] if found else None

    def open(self, *command: str) -> "subprocess.Popen[str]":
        """A command that is talked with."""
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
                start_new_session=True,  # Ctrl-C is for the deployer, which then has a host to put in order
            )
        except OSError:
            raise missing() from None


def missing() -> PipelineError:
    return PipelineError("docker: is not on the PATH; install Docker's command line")


def said(stderr: str) -> str:
    """The line that tells what is wrong, without Docker's advice to look at its help."""
    lines = [
        line for line in stderr.splitlines() if line.strip() and not line.startswith(("See 'docker", "Run 'docker"))
    ]
    return " ".join(lines[-1].removeprefix("docker: ").split()).rstrip(".") if lines else "failed and said nothing"
