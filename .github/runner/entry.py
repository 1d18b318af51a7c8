"""The job's container: fetches the configuration of one runner, runs one job and ends. Compose starts a new one."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

SOCKET = os.environ.get("REGISTRAR_SOCKET", "/run/registrar/socket")
RUNNER = Path("/opt/actions-runner")
PR_SET_DUMPABLE = 4
REPORT_DEPRECATION = {"ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE": "1"}  # else GitHub's run.sh exits with 0
DEPRECATED = 7  # the exit code for a version that GitHub refuses
RETRY_AFTER = 3600  # seconds: compose starts the container again at once, and a runner would be registered each time


def main() -> int:
    # The open connection tells the registrar that the container runs. This process is PID 1, which no signal of the
    # job can end. From here on the job, which has the same user, can neither read its memory nor use its open files.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        print("runner: can't be protected from the job: prctl failed", file=sys.stderr)
        return 1
    connection = _connect()
    configuration = _receive(connection)
    if not configuration:
        print("runner: the registrar gave no configuration; its log says why", file=sys.stderr)
        return 1
    # GitHub's runner writes to its own folder, and the image is read only.
    work = Path.home() / "runner"
    shutil.copytree(RUNNER, work, symlinks=True)
    threading.Thread(target=_exit_with_registrar, args=(connection,), daemon=True).start()
    signals = list[int]()
    for number in (signal.SIGTERM, signal.SIGINT):  # before the child starts: a signal meanwhile must reach it too
        signal.signal(number, lambda received, _: signals.append(received))
    command = [str(work / "run.sh"), "--jitconfig", configuration]
    child = subprocess.Popen(command, cwd=work, env=os.environ | REPORT_DEPRECATION)  # noqa: S603
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: child.send_signal(received))
    for received in signals:
        child.send_signal(received)
    code = _wait(child.pid)
    return _wait_for_update() if code == DEPRECATED else code


def _connect() -> socket.socket:
    """The connection to the registrar, which may not be up yet."""
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(SOCKET)
        except OSError:
            connection.close()
            time.sleep(1)
        else:
            return connection


def _receive(connection: socket.socket) -> str:
    received = b""
    while not received.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            return ""
        received += part
    return received.decode().strip()


def _exit_with_registrar(connection: socket.socket) -> None:
    """End with the registrar: the next one must not find a container that it does not know."""
    while connection.recv(4096):
        pass
    print("runner: the registrar ended, so the job ends", file=sys.stderr)
    os._exit(1)


def _wait(runner: int) -> int:
    """Reap what the job left behind until the runner itself has ended; its exit code."""
    while True:
        ended, status = os.wait()
        if ended == runner:
            return os.waitstatus_to_exitcode(status) % 256


def _wait_for_update() -> int:
    """Say that GitHub refuses the runner's version, and end in an hour or by a signal."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(DEPRECATED))
    remedy = "raise RUNNER_VERSION (docs/how-to/gpu-runner.md, Upkeep) and build the images again"
    print(f"runner: GitHub refuses this version of its runner: {remedy}", file=sys.stderr, flush=True)
    time.sleep(RETRY_AFTER)
    return DEPRECATED


if __name__ == "__main__":
    # Until there is a configuration, SIGTERM ends the process at once: PID 1 has no default handlers.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # At once, so that the connection ends with the container and not before it.
    os._exit(main())
