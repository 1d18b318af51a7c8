"""The registrar as a process of its own."""

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
PATIENCE = 120  # seconds; the machine may be busy


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class Process:
    """The registrar as a process of its own, and the containers that connect to it."""

    def __init__(self, folder: Path, api: str, key: Path, **environment: str) -> None:
        self.socket = folder / "socket"
        own = {
            "GITHUB_API_URL": api,
            "GITHUB_REPOSITORY": REPOSITORY,
            "APP_ID": APP_ID,
            "APP_KEY_FILE": str(key),
            "RUNNER_NAME": "gpu-1",
            "REGISTRAR_SOCKET": str(self.socket),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(FOLDER),
        }
        # The pause in which an ended container dies is cut short: nothing dies here.
        program = "import registrar, sys; registrar.SETTLE = 0.1; sys.exit(registrar.main())"
        command = [sys.executable, "-c", program]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=own | environment, stdout=pipe, stderr=pipe, text=True)

    def container(self) -> socket.socket:
        """A connection to it, once it listens: its socket is there a moment before."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        wait_for(lambda: connection.connect_ex(str(self.socket)) == 0 or self.process.poll() is not None)
        assert self.process.returncode is None, "the registrar has ended"
        return connection

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        return self.ended()[1]

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err
