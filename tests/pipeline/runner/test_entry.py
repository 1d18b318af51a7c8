"""The first process of a job's container: one configuration, one runner, and an end with the registrar."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.runner.processes import FOLDER

PROGRAM = "import entry, os, pathlib, sys; entry.RUNNER = pathlib.Path(sys.argv[1]); os._exit(entry.main())"
TIMEOUT = 120  # seconds; the machine may be busy


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.settimeout(TIMEOUT)
        listener.listen()
        yield listener


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """The first process, with these lines instead of GitHub's runner."""
    started = []

    def start(lines: str) -> subprocess.Popen[str]:
        (tmp_path / "image").mkdir()
        script = tmp_path / "image/run.sh"
        script.write_text(f"#!/bin/bash\n{lines}\n")
        script.chmod(0o755)
        (tmp_path / "home").mkdir()
        environment = {"HOME": str(tmp_path / "home"), "REGISTRAR_SOCKET": str(tmp_path / "socket")}
        environment |= {"PYTHONPATH": str(FOLDER), "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "image")]
        pipe = subprocess.PIPE
        started.append(
            subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        )
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with its children
        process.communicate()


def test_the_runner_gets_the_configuration_and_its_exit_code_is_the_containers(
    start: Callable[[str], subprocess.Popen[str]], listener: socket.socket
) -> None:
    process = start('echo "$@"; exit 3')
    with listener.accept()[0] as connection:
        connection.sendall(b"abc")
        connection.sendall(b"def\n")
        assert process.communicate(timeout=TIMEOUT)[0] == "--jitconfig abcdef\n"
    assert process.returncode == 3


def test_processes_that_the_job_left_running_do_not_keep_the_container(
    start: Callable[[str], subprocess.Popen[str]], listener: socket.socket
) -> None:
    process = start("sleep 60 > /dev/null 2>&1 & exit 0")
    with listener.accept()[0] as connection:
        connection.sendall(b"abc\n")
        assert process.wait(TIMEOUT) == 0


def test_the_job_ends_with_the_registrar(
    start: Callable[[str], subprocess.Popen[str]], listener: socket.socket
) -> None:
    process = start("echo started; exec sleep 60 > /dev/null 2>&1")
    with listener.accept()[0] as connection:
        connection.sendall(b"abc\n")
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
    assert process.wait(TIMEOUT) == 1


def test_without_a_configuration_no_runner_is_started(
    start: Callable[[str], subprocess.Popen[str]], listener: socket.socket
) -> None:
    process = start("echo started")
    listener.accept()[0].close()
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (1, "")
    assert "registrar" in err
    assert err.count("\n") == 1


def test_sigterm_reaches_the_runner(start: Callable[[str], subprocess.Popen[str]], listener: socket.socket) -> None:
    process = start("trap 'exit 5' TERM; echo started; while :; do sleep 0.1; done")
    with listener.accept()[0] as connection:
        connection.sendall(b"abc\n")
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 5


def test_a_version_that_github_refuses_is_said_and_not_tried_again_at_once(
    start: Callable[[str], subprocess.Popen[str]], listener: socket.socket
) -> None:
    process = start('exit "$((7 * ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE))"')
    with listener.accept()[0] as connection:
        connection.sendall(b"abc\n")
        assert process.stderr is not None
        assert process.stderr.readline().startswith(
            "runner: GitHub refuses this version of its runner: raise RUNNER_VERSION"
        )
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 7
