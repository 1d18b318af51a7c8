"""A Docker host for end-to-end tests: images of the stand-in service and the proxy, deployments, load."""

import hashlib
import http.client
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.pipeline.conftest import FROZEN
from tests.pipeline.runner.containers import base_image, docker
from tests.pipeline.ship.release.parts import serving_base

PROXY = "pipeline-haproxy:test"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")  # each worker has a deployment of its own on the host
PORT = 18931 + int(WORKER.removeprefix("gw"))
BOUNDS = {
    "name": f"pipeline-test-{WORKER}",
    "port": PORT,
    "operator_port": PORT + 100,
    "proxy_image": PROXY,
    "memory": "128m",
    "min_requests": 20,
    "confidence": 0.9,  # two blocks of failures are proof, four of slow answers
    "deadline": 120,  # a busy machine sends few requests
    "max_latency_ratio": 2.0,
    "latency_floor": 200,
    "replay": 50,
}


def proxy_image(folder: Path) -> None:
    """Debian's HAProxy on the base image, under the proxy's name."""
    text = "RUN apt-get update -q && apt-get install -qy --no-install-recommends haproxy\n"
    (folder / "Dockerfile").write_text(f"FROM {base_image()}\n{text}")
    docker("build", "--network", "host", "--tag", PROXY, str(folder))


class World:
    """A folder with params.yaml and release files, and a host that is cleaned first."""

    def __init__(self, folder: Path, **bounds: Any) -> None:
        self.folder, self.name, self.champion = folder, str(BOUNDS["name"]), ""
        self.images: set[str] = set()
        shutil.copy(FROZEN / "params.yaml", folder)
        self.edit(**BOUNDS | bounds)
        (folder / "service.py").write_bytes(Path(__file__).with_name("service.py").read_bytes())
        self.clean()

    def clean(self) -> None:
        """Remove everything of this deployment from the host, and the images that were built for it."""
        clean(self.name)
        while self.images:
            docker("image", "rm", "--force", self.images.pop(), check=False)

    def release(self, name: str, behaviour: str = "", **changes: Any) -> str:
        """Build a release of the stand-in, write its file, and return its id."""
        identity = hashlib.sha256(f"{name}{behaviour}".encode()).hexdigest()[:12]
        (self.folder / "Dockerfile").write_text(
            f"FROM {serving_base()}\nCOPY service.py /service.py\nUSER 10001\n"
            f"ENV RELEASE={identity} BEHAVIOUR={behaviour} HOST={self.name}\n"  # no two workers share an image
            'CMD ["python3", "/service.py"]\n'
        )
        image = docker("build", "--force-rm", "--quiet", str(self.folder)).stdout.split()[-1]
        self.images.add(image)
        content = {
            "id": identity,
            "image": image,
            "commit": "c" * 40,
            "lock": "1" * 32,
            "model": "2" * 32,
            "task": "binary",
            "metrics": {"roc_auc": 0.8},
            "features": ["x", "y"],
            "created": "2026-11-21T10:00:00+00:00",
            "golden": golden(behaviour),
            "expected": {"agreement": 0.97, "shift": 0.0},
            "against": "2" * 32,
        }
        (self.folder / f"{name}.json").write_text(json.dumps(content | changes))
        return identity

    def edit(self, **bounds: Any) -> None:
        """Set keys of deploy in params.yaml."""
        yaml = YAML(typ="safe")  # without comments, which a list of another length would move
        content = yaml.load(self.folder / "params.yaml")
        content["deploy"].update(bounds)
        yaml.dump(content, self.folder / "params.yaml")

    def wait_until_unlocked(self) -> None:
        """Wait until no deployment holds the host's lock."""
        end = time.monotonic() + 60
        while docker("inspect", f"{self.name}-deployer", check=False).returncode == 0:
            assert time.monotonic() < end
            time.sleep(0.1)

    def kill_proxy(self) -> None:
        """Kill the balancer's process as a crash would; the engine starts it again."""
        pid = docker("inspect", "--format", "{{.State.Pid}}", f"{self.name}-balancer").stdout
        os.kill(int(pid), signal.SIGKILL)

    def start(self, *command: str, code: str | None = None, **env: str) -> "subprocess.Popen[str]":
        """`pipeline ...` as a program in a session of its own."""
        program = [sys.executable, "-c", code] if code else [str(Path(sys.executable).with_name("pipeline"))]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "MLFLOW_"))}
        return subprocess.Popen(
            [*program, *command],
            cwd=self.folder,
            env=environment | {"PYTHONUNBUFFERED": "1"} | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, **env: str) -> tuple[int, str]:
        process = self.start(*command, **env)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def deploy(self, name: str) -> tuple[int, str]:
        return self.run("deploy", "--release", f"{name}.json", "--unsigned")

    def ok(self, name: str) -> str:
        status, output = self.deploy(name)
        assert status == 0, output
        return output


def clean(name: str) -> None:
    """Remove the containers, volumes and network of a deployment."""
    containers = docker("ps", "--all", "--quiet", "--filter", f"name=^{name}-").stdout.split()
    if containers:
        docker("rm", "--force", "--volumes", *containers)
    for kind in ("state", "run", "log"):
        docker("volume", "rm", "--force", f"{name}-{kind}", check=False)
    docker("network", "rm", f"{name}-network", check=False)


def golden(behaviour: str) -> list[dict[str, Any]]:
    """Two golden rows, with the answers that a model of that behaviour gave in training."""
    rows: list[dict[str, Any]] = [
        {"row": {"x": x}, "expected": {"score": x, "label": "yes" if x >= 0.5 else "no"}} for x in (0.25, 0.75)
    ]
    if behaviour == "disagrees":
        for row in rows:
            row["expected"] = {"score": 1 - row["row"]["x"], "label": "no" if row["row"]["x"] >= 0.5 else "yes"}
    elif behaviour in ("refuses", "reads_z"):
        for row in rows:
            row["row"]["z"] = row["row"]["x"]
    elif behaviour == "shifts":
        for row in rows:
            row["expected"]["score"] = (1 + row["row"]["x"]) / 2
    return rows


def ask(
    connection: http.client.HTTPConnection | None = None, x: float = 0.5, path: str = "/predict", **headers: str
) -> tuple[int, str]:
    """One request through the proxy: its status and the release that answered."""
    own = connection or http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    try:
        own.request("POST", path, json.dumps({"rows": [{"x": x}]}), {"content-type": "application/json"} | headers)
        response = own.getresponse()
        text = response.read()
        return response.status, json.loads(text).get("release", "") if response.status == 200 else ""
    except (OSError, http.client.HTTPException) as error:
        own.close()
        return 0, type(error).__name__
    finally:
        if connection is None:
            own.close()


def serving(count: int = 60) -> set[str]:
    """The releases that answer `count` requests."""
    return {ask()[1] for _ in range(count)}


class Load:
    """Constant requests from several clients, each with a persistent connection; every answer is counted."""

    def __init__(
        self, clients: int = 6, pause: float = 0.02, path: str = "/predict", headers: dict[str, str] | None = None
    ) -> None:
        self.answers: Counter[tuple[int, str]] = Counter()
        self._headers = headers or {}
        self._end, self._pause, self._path, self._lock = threading.Event(), pause, path, threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(seed,)) for seed in range(clients)]

    def _client(self, seed: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        for number in itertools.count(seed):
            if self._end.wait(self._pause):
                connection.close()
                return
            answer = ask(connection, (number * 37 % 100) / 100, self._path, **self._headers)
            with self._lock:
                self.answers[answer] += 1

    @property
    def failed(self) -> dict[tuple[int, str], int]:
        return {answer: count for answer, count in self.answers.items() if answer[0] != 200}

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
