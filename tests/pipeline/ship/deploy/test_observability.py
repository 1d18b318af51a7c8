"""Metrics, alerts and dashboard of a running host: every name exists, and every alert fires for its own reason."""

import json
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.pipeline.conftest import small_disk
from tests.pipeline.runner.containers import docker
from tests.pipeline.ship.deploy.hosts import PORT, Load, World
from tests.pipeline.ship.deploy.monitoring import FOLDER, Receiver, monitoring, rules
from tests.pipeline.ship.service.conftest import ROW, Server, serving
from tests.pipeline.trained import trained

pytestmark = pytest.mark.engine

OPERATORS = PORT + 100
PATHS = ("/front/metrics", "/balancer/metrics", "/deployment/metrics")
NAME = re.compile(r"\b(?:haproxy|pipeline|bentoml)_\w+")
SAMPLE = re.compile(r"^(\w+)", re.MULTILINE)
ON_A_BUSY_MACHINE = {"PipelineProxyDown"}  # fires for an answer that takes longer than a second


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real service beside the host's stand-ins; its log is on a small disk."""
    project = trained(tmp_path_factory.mktemp("served"), "binary")
    folder = tmp_path_factory.mktemp("logs")
    with small_disk(folder / "disk", "2m") as disk, serving(project.folder, disk / "predictions") as server:
        yield server


@pytest.fixture(scope="module")
def receiver(world: World, service: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    port = int(service.url.rpartition(":")[2])
    with monitoring(tmp_path_factory.mktemp("monitoring"), OPERATORS, port) as receiver:
        yield receiver


def scraped(url: str, path: str) -> set[str]:
    with urllib.request.urlopen(f"{url}{path}", timeout=30) as reply:
        return set(SAMPLE.findall(reply.read().decode()))


def scraped_by_operators() -> set[str]:
    return {name for path in PATHS for name in scraped(f"http://127.0.0.1:{OPERATORS}", path)}


def test_each_alert_fires_for_its_reason_on_metrics_that_exist(
    world: World, service: Server, receiver: Receiver
) -> None:
    service.post("/predict", {"rows": [ROW]})
    with Load(clients=2):
        time.sleep(6)  # six of its minutes
        assert set(receiver.fired) <= ON_A_BUSY_MACHINE
        fail_and_roll_back(world, receiver)
        with slow_requests(service):
            names = abandon_a_deployment(world, receiver)
            fill_the_log(service, receiver)
            receiver.wait_for("PipelineSlow")
        docker("kill", f"{world.name}-release-{world.champion}")
        receiver.wait_for("PipelineServiceDown", "PipelineErrors")
    fired = set(receiver.fired)
    receiver.fired.clear()
    docker("kill", f"{world.name}-balancer")
    receiver.wait_for("PipelineProxyDown")
    assert fired | set(receiver.fired) == set(rules())
    for file in ("alerts.yaml", "dashboard.json"):
        used = set(NAME.findall((FOLDER / file).read_text(encoding="utf-8")))
        assert used - names - scraped(service.url, "/metrics") == set(), file


def fail_and_roll_back(world: World, receiver: Receiver) -> None:
    world.release("bad", "fails")
    world.release("second")
    world.edit(steps=[50, 100])
    assert world.deploy("bad")[0] == 1
    receiver.wait_for("PipelineDeploymentFailed")
    assert set(receiver.fired) - ON_A_BUSY_MACHINE == {"PipelineDeploymentFailed"}
    world.edit(min_requests=0)
    deployment = world.start("deploy", "--release", "second.json", "--unsigned", "--pause-at", "50")
    receiver.wait_for("PipelineCanaryPaused")
    assert world.run("promote")[0] == 0
    output, _ = deployment.communicate(timeout=120)
    assert deployment.returncode == 0, output
    world.edit(steps=[100])
    assert world.run("rollback")[0] == 0
    receiver.wait_for("PipelineRolledBack")


def abandon_a_deployment(world: World, receiver: Receiver) -> set[str]:
    """A step that waits for more requests than come, and whose deployer is killed; the metrics of the step."""
    world.edit(min_requests=1_000_000, deadline=40)
    deployment = world.start("deploy", "--release", "second.json", "--unsigned")
    receiver.wait_for("PipelineCanaryWaits")
    names = scraped_by_operators()
    assert not {"PipelineLeaseExpired", "PipelineDeploymentAbandoned"} & set(receiver.fired)
    deployment.kill()
    deployment.communicate(timeout=60)
    receiver.wait_for("PipelineLeaseExpired", "PipelineDeploymentAbandoned")
    return names


def fill_the_log(service: Server, receiver: Receiver) -> None:
    size = service.metric("pipeline_log_disk_size_bytes")
    while (
        service.metric("pipeline_log_lost_rows_total") == 0
        or service.metric("pipeline_log_disk_free_bytes") > size / 20
    ):
        assert (
            service.post("/predict", {"rows": [ROW] * 50}).status == 200
        )  # a large body is lost where a tenth is free
    receiver.wait_for("PipelineLogRowsLost", "PipelineLogDiskNearlyFull")


@contextmanager
def slow_requests(service: Server) -> Iterator[None]:
    """One request after the other, each of which sends its body late."""
    over = threading.Event()

    def send() -> None:
        body = json.dumps({"rows": [ROW]}).encode()
        head = f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        while not over.is_set():
            with socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2]))) as link:
                link.sendall(head.encode())
                time.sleep(0.6)
                link.sendall(body)
                link.recv(1000)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
