"""A trained project of each task, and a live server on a free port of the loopback interface."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.guard import slow
from tests.pipeline.surroundings import free_port
from tests.pipeline.trained import trained

TASKS = ("binary", "multiclass", "regression")
TIMEOUT = 120  # seconds; the machine may be busy


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Server:
    def __init__(self, port: int, logs: Path, process: "subprocess.Popen[bytes]") -> None:
        self.url, self.logs, self.process = f"http://127.0.0.1:{port}", logs, process

    def get(self, path: str) -> Reply:
        return self.ask(urllib.request.Request(f"{self.url}{path}"))  # loopback

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(urllib.request.Request(f"{self.url}{path}", data, headers))

    def ask(self, request: urllib.request.Request) -> Reply:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return Reply(reply.status, dict(reply.headers), reply.read().decode())
        except urllib.error.HTTPError as error:
            return Reply(error.code, dict(error.headers), error.read().decode())

    def metric(self, name: str) -> float:
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith(name)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def logged(self, rows: int, seconds: float = TIMEOUT) -> list[dict[str, Any]]:
        """The lines of the log, once there are as many as `rows`."""
        ends = time.monotonic() + seconds
        while True:
            texts = [path.read_text() for path in sorted(self.logs.glob("*.jsonl"))]
            lines = [json.loads(line) for text in texts for line in text.splitlines()]
            if len(lines) >= rows or time.monotonic() > ends:
                return lines
            time.sleep(0.05)


@contextmanager
def serving(folder: Path, logs: Path, **env: str) -> Iterator[Server]:
    """`pipeline serve` in a folder, ended by its own process id."""
    slow("a service")
    port = free_port()
    program = Path(sys.executable).with_name("pipeline")
    environment = os.environ | {"PIPELINE_LOG_FOLDER": str(logs), "OMP_NUM_THREADS": "1"} | env
    output = folder / f"serve-{port}.txt"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [program, "serve", "--port", str(port)], cwd=folder, env=environment, stdout=stream, stderr=stream
        )
    server = Server(port, logs, process)
    try:
        _wait(server, output)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(server: Server, output: Path) -> None:
    ends = time.monotonic() + TIMEOUT
    while time.monotonic() < ends:
        assert server.process.poll() is None, output.read_text()
        try:
            if server.get("/readyz").status == 200:
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the service was not ready after {TIMEOUT} s:\n{output.read_text()}")


@pytest.fixture(scope="session", params=TASKS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a trained model."""
    return trained(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return trained(tmp_path_factory.mktemp("served"), "binary")


@pytest.fixture(scope="session")
def server(binary: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(binary.folder, tmp_path_factory.mktemp("logs") / "predictions") as running:
        yield running


ROW = {"income": 20000.5, "age": 40, "town": "Oslo", "member": True, "since": "2021-05-06"}
