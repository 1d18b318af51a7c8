"""A trained project and its service; `simulate` runs beside it as a person would run it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.ship.service.conftest import Server, serving
from tests.pipeline.trained import trained


def simulate(project: Project, server: Server, *options: str) -> "subprocess.CompletedProcess[str]":
    return project.run("pipeline", "simulate", "--url", server.url, *options)


def logged(server: Server, before: int, rows: int) -> "list[dict[str, Any]]":
    """The lines of the log after the first `before`, once there are `rows` of them."""
    return server.logged(before + rows)[before:]


def start_simulate(project: Project, server: Server, *options: str) -> "subprocess.Popen[str]":
    """Start `pipeline simulate` without waiting for its end."""
    program = Path(sys.executable).with_name("pipeline")
    return subprocess.Popen(
        [program, "simulate", "--url", server.url, *options],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose model is trained and evaluated, on data unlike the sample."""
    return trained(tmp_path_factory.mktemp("simulated"), "binary")


@pytest.fixture(scope="session")
def served(evaluated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(evaluated.folder, tmp_path_factory.mktemp("logs") / "predictions") as server:
        yield server
