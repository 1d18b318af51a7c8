"""A small project with a folder for added data, and the command line run in this process."""

import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.core import params
from tests.pipeline.conftest import Project, small_project

Command = Callable[..., tuple[int, str]]
ProjectFor = Callable[[str], Project]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A project for a task, made once."""

    @cache
    def make(task: str) -> Path:
        project = small_project(tmp_path_factory.mktemp("retrain"), task)
        project.configure(data={"added": "store"})
        return project.folder

    return make


@pytest.fixture
def project_for(template: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFor:
    """A copy of the project for a task, in which the commands run."""

    def copy(task: str) -> Project:
        shutil.copytree(template(task), tmp_path / "work")
        monkeypatch.chdir(tmp_path / "work")
        return Project(tmp_path / "work")

    return copy


@pytest.fixture
def project(project_for: ProjectFor) -> Project:
    return project_for("binary")


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command's exit status and what it printed."""

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
        params._read.cache_clear()  # as in a process of its own
        capsys.readouterr()
        code = cli.run()
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call
