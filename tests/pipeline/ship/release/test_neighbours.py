"""Two pipelines of a repository on one host: names and ports that both have are refused before anything starts."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import run
from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.ship.release import neighbours
from tests.pipeline.conftest import Project
from tests.pipeline.core.test_pipelines import add


@pytest.fixture
def churn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The pipeline in churn/, the working directory, with the parameters of the one at the top."""
    git(tmp_path, "init", "-q")
    add(tmp_path, "", None)
    add(tmp_path, "churn/", "churn")
    monkeypatch.chdir(tmp_path / "churn")
    return Project(tmp_path / "churn")


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ({}, "deploy.name: is pipeline, as deploy.name in params.yaml"),
        ({"name": "churn"}, "deploy.port: is 8080, as deploy.port in params.yaml"),
        ({"name": "churn", "port": 8082}, "deploy.operator_port: is 8081, as deploy.operator_port in params.yaml"),
        ({"name": "churn", "port": 8081, "operator_port": 8083}, "deploy.port: is 8081, as deploy.operator_port in "),
    ],
)
def test_what_both_would_take_of_the_host_is_named(churn: Project, own: dict[str, Any], problem: str) -> None:
    churn.configure(deploy=own)
    params.forget()
    with pytest.raises(PipelineError) as refused:
        neighbours.check()
    assert str(refused.value).startswith(f"churn/params.yaml: {problem}")
    assert "; both are deployed to one host: give each pipeline another (docs/how-to/several" in str(refused.value)


def test_two_that_differ_are_neighbours(churn: Project) -> None:
    churn.configure(deploy={"name": "churn", "port": 8082, "operator_port": None})
    params.forget()
    neighbours.check()
    neighbours.check(churn.folder.parent)


@pytest.mark.parametrize(
    ("command", "target"),
    [
        (["deploy", "--unsigned"], None),
        (["release"], "ssh://nobody@127.0.0.1"),
        (["release", "--host", "ssh://nobody@127.0.0.1"], None),
    ],
)
def test_a_command_refuses_it_in_one_line_before_anything_else(
    churn: Project,
    command: list[str],
    target: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if target:
        monkeypatch.setenv("DEPLOY_TARGET", target)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("sys.argv", ["pipeline", *command])
    assert run() == 2
    assert capsys.readouterr().err.startswith("error: churn/params.yaml: deploy.name: is pipeline, as deploy.name in ")
