"""The registrar as a separate process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.pipeline.runner.standin import APP_ID, REPOSITORY

FOLDER = Path(__file__).parents[3] / ".github/runner"
TIMEOUT = 120  # seconds; the machine may be busy


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


class Process:
    """The registrar as a separate process, and containers that connect to it."""

    def __init__(self, folder: Path, api: str, key: Path, **environment: str) -> None:
        self.socket = folder / "socket"
        settings = {
            "GITHUB_API_URL": api,
            "GITHUB_REPOSITORY": REPOSITORY,
            "APP_ID": APP_ID,
            "APP_KEY_FILE": str(key),
            "RUNNER_NAME": "gpu-1",
            "RUNNER_VERSION": "2.338.0",
            "REGISTRAR_SOCKET": str(self.socket),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(FOLDER),
        }
        # A short pause: there are no containers here whose end has to be waited for.
        program = "import registrar, sys; registrar.SETTLE = 0.1; sys.exit(registrar.main())"
        command = [sys.executable, "-c", program]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=settings | environment, stdout=pipe, stderr=pipe, text=True)

    def container(self) -> socket.socket:
        """A connection to it, once it listens, which is a moment after its socket exists."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        wait_for(lambda: connection.connect_ex(str(self.socket)) == 0 or self.process.poll() is not None)
        assert self.process.returncode is None, "the registrar has ended"
        return connection

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        return self.wait()[1]

    def wait(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, out, err
