"""A watched repository whose releases serve on a Docker host, and the clients there."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.pipeline.github.standin import StandIn
from tests.pipeline.runner.containers import docker
from tests.pipeline.workflows.acting import WorkflowResult
from tests.pipeline.workflows.retraining import Watched
from tests.pipeline.workflows.shipping import DEPLOYMENT, OPERATOR_PORT, PORT, Shipping
from tests.pipeline.workflows.world import NAME

URL = f"http://127.0.0.1:{PORT}"
TIMEOUT = 60  # seconds
RATE = 20  # rows per second of constant traffic


class Production(Watched):
    """What `deploy.yaml` ships of main is what the monitor watches."""

    def __init__(self, folder: Path, base: Path, github: StandIn, registry: str) -> None:
        super().__init__(folder, base, github)
        self.shipping = Shipping(folder, self.machine, registry)

    def ship(self) -> WorkflowResult:
        """Run deploy.yaml on main; from then on the monitor reads the host's log."""
        result = self.shipping.ship(self.main, NAME)
        assert self.state["violations"] == [], self.state["violations"]
        where = ("--format", "{{.Mountpoint}}", f"{DEPLOYMENT}-log")
        self.log = Path(docker("volume", "inspect", *where).stdout.strip())
        self.variables["PIPELINE_LOG_URL"] = str(self.log)
        return result

    def deployed(self) -> Mapping[str, Any]:
        """The last deployment that GitHub has a record of, with the state that it ended in."""
        deployment = self.state["deployments"][-1]
        return {**deployment, "state": self.state["deployment_statuses"][-1]["state"]}

    def send(self, shift: str, rows: int, labels: Path) -> None:
        """Send rows as `make simulate` does; all are logged."""
        before, ends = self.logged(), time.monotonic() + TIMEOUT
        options = ("--shift", shift, "--rows", str(rows), "--labels", str(labels), "--seed", "7")
        self.work.ok("pipeline", "simulate", "--url", URL, *options)
        while self.logged() < before + rows:
            assert time.monotonic() < ends
            time.sleep(0.05)

    def logged(self) -> int:
        return sum(path.read_text(encoding="utf-8").count("\n") for path in self.log.rglob("*.jsonl"))

    @contextmanager
    def clients(self) -> Iterator[None]:
        """Constant traffic, of which every request is answered."""
        program = str(Path(sys.executable).with_name("pipeline"))
        options = ("--rows", "100000", "--rate", str(RATE), "--labels", str(self.labels.with_name("unused.csv")))
        process = subprocess.Popen([program, "simulate", "--url", URL, *options], cwd=self.work.folder)
        try:
            yield
            assert process.poll() is None, "a request was not answered"
        finally:
            process.terminate()
            process.wait(TIMEOUT)


def predict(row: Any) -> Any:
    """The prediction that a client gets for a row."""
    body = json.dumps({"rows": [row]}).encode()
    with urllib.request.urlopen(f"{URL}/predict", body, timeout=TIMEOUT) as response:
        return json.loads(response.read())["predictions"][0]


def serving() -> str:
    """The release that serves."""
    with urllib.request.urlopen(f"http://127.0.0.1:{OPERATOR_PORT}/release", timeout=TIMEOUT) as response:
        return str(json.loads(response.read())["release"])
