"""A small project whose data grows in a folder, the command line in this process, and an S3 store."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from tests.conftest import Project, small_project

Command = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = small_project(tmp_path_factory.mktemp("retrain"), "binary")
    project.configure(data={"added": "store"})
    return project.folder


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    shutil.copytree(template, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return Project(tmp_path / "work")


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command's exit status and what it printed."""

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
        capsys.readouterr()
        code = cli.run()
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


@pytest.fixture
def bucket() -> Iterator[Any]:
    """boto3's client of an S3 store on the loopback interface, with a bucket called bucket."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "no_proxy": host}
    import boto3  # type: ignore[import-untyped]

    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    yield client
    os.environ.clear()
    os.environ |= before
    server.stop()
