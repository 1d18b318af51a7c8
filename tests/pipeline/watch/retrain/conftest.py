"""A small project with a folder for added data, and the command line run in this process."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import cli
from tests.pipeline.conftest import Project, small_project

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
