"""The registered model's versions and aliases, on a real tracking server."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import params
from pipeline.ship.release import registration
from pipeline.ship.release.manifest import Release
from tests.pipeline.conftest import FROZEN
from tests.pipeline.surroundings import free_port

NAME = params.section(params.Tracking, FROZEN / params.PATH).experiment


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder whose parameters name the model."""
    monkeypatch.chdir(FROZEN)


def release(identity: str, lock: str) -> Release:
    details: Any = {"image": "r/n@sha256:0", "commit": "c", "model": "m", "task": "binary", "created": "2026-01-01"}
    return Release(id=identity, lock=lock, metrics={}, features=[], golden=[], expected={}, **details)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{tmp_path / 'm.db'}", "--artifacts-destination", str(tmp_path / "a")]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([*command, *store], stdout=log, stderr=log, cwd=tmp_path, start_new_session=True)
        try:
            for _ in range(1800):
                try:
                    urllib.request.urlopen(f"{uri}/health", timeout=2).close()
                    break
                except OSError:
                    time.sleep(0.1)
            monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
            yield uri
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=120)


@pytest.mark.engine
def test_aliases_follow_a_release_from_candidate_to_champion_to_previous(server: str) -> None:
    import mlflow

    mlflow.set_tracking_uri(server)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment(NAME)
    for lock in ("l1", "l2"):
        run = client.create_run(experiment, tags={"dvc_lock": lock}).info.run_id
        client.log_text(run, "tree", "models/model.txt")
        client.set_terminated(run)

    assert "has no run of dvc.lock" not in registration.register(release("a" * 12, "l1"))
    assert registration.promote("a" * 12) == f"register: {NAME} version 1 is `champion`"
    assert registration.register(release("b" * 12, "l2")) == f"register: {NAME} version 2 is `candidate`"
    assert registration.register(release("b" * 12, "l2")) == f"register: {NAME} version 2 is `candidate`"  # once
    assert client.get_registered_model(NAME).aliases == {"champion": "1", "candidate": "2"}
    registration.promote("b" * 12)
    assert client.get_registered_model(NAME).aliases == {"champion": "2", "previous": "1"}
    assert client.get_model_version(NAME, "2").tags["release"] == "b" * 12
    assert "has no run of dvc.lock" in registration.register(release("c" * 12, "l3"))


def test_without_a_server_it_is_one_line_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert "names no server" in registration.register(release("a" * 12, "l1"))

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert "can't be reached" in registration.register(release("a" * 12, "l1"))
