"""`pipeline matrix`: the pipelines of a repository, as the jobs of a workflow; and `-C`, which works in one of them."""

import json
import os
import sys
from pathlib import Path

import pytest

from pipeline.cli import run
from pipeline.core import params
from pipeline.core.git import git
from tests.pipeline.core.test_pipelines import add
from tests.pipeline.github.standin import StandIn

TOP, CHURN = {"folder": "", "suffix": ""}, {"folder": "risk/churn/", "suffix": "-churn"}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a pipeline at the top and one in risk/churn/, as working directory."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    add(folder, "", None)
    add(folder, "risk/churn/", "churn")
    monkeypatch.chdir(folder)
    return folder


def pipeline(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["pipeline", *arguments])
    return run()


def listed(monkeypatch: pytest.MonkeyPatch, output: Path, *options: str) -> object:
    """The step's output `matrix`."""
    output.unlink(missing_ok=True)
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    assert pipeline(monkeypatch, "matrix", *options) == 0
    name, _, text = output.read_text(encoding="utf-8").partition("=")
    assert (name, text.count("\n")) == ("matrix", 1)
    return json.loads(text)


def test_each_pipeline_is_a_job_with_its_folder_and_the_end_of_its_artifacts_names(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listed(monkeypatch, tmp_path / "output") == [TOP, CHURN]


def test_without_a_pipeline_at_the_top_the_others_are_all(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "params.yaml").unlink()
    assert listed(monkeypatch, tmp_path / "output") == [CHURN]


def test_wrong_parameters_stop_the_pipelines_own_job_alone(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "risk/churn/params.yaml").write_text("wrong: 1\n", encoding="utf-8")
    wrong = {"folder": "risk/churn/", "suffix": "-risk-churn"}
    assert listed(monkeypatch, tmp_path / "output") == [TOP, wrong]


def test_two_pipelines_of_one_name_stop_all(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add(repository, "churn/", "churn")
    assert pipeline(monkeypatch, "matrix") == 2
    assert "name: is churn, as in churn/params.yaml; give" in capsys.readouterr().err


@pytest.mark.engine
def test_those_that_have_uploaded_an_artifact_are_read_from_the_run(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "output-of-a-step").mkdir()
    run_data = {"id": 77, "head_sha": "0" * 40, "head_branch": "main", "event": "push", "status": "in_progress"}
    uploaded = [
        {"id": 1, "run": 77, "name": "release-churn", "file": str(tmp_path / "output-of-a-step")},
        {"id": 2, "run": 77, "name": "release", "file": str(tmp_path / "output-of-a-step"), "expired": True},
    ]
    state = {"repository": "acme/model", "runs": [run_data], "artifacts": uploaded}
    with StandIn(state, git=repository) as github:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # with gh
        for name, value in {**github.environment(), "GITHUB_RUN_ID": "77", "PATH": path}.items():
            monkeypatch.setenv(name, value)
        assert listed(monkeypatch, tmp_path / "output", "--uploaded", "release") == [CHURN]
        assert listed(monkeypatch, tmp_path / "output", "--uploaded", "monitor") == []


def test_outside_a_run_nothing_is_uploaded(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_RUN_ID", raising=False)
    assert pipeline(monkeypatch, "matrix", "--uploaded", "release") == 2
    assert capsys.readouterr().err == (
        "error: pipeline matrix: --uploaded is for a workflow's run, which GITHUB_RUN_ID names\n"
    )


def test_a_command_works_in_the_folder_that_is_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, expected in {"": repository, "risk/churn": repository / "risk/churn"}.items():
        monkeypatch.chdir(repository)
        assert pipeline(monkeypatch, "-C", folder, "history", "--host", "tcp://127.0.0.1:9") == 2  # nothing listens
        assert Path.cwd() == expected
        assert params.read().name == (expected.name if folder else None)
    capsys.readouterr()


def test_a_folder_that_is_missing_is_refused_with_those_that_hold_a_pipeline(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pipeline(monkeypatch, "-C", "chrun", "monitor") == 2
    expected = "error: -C chrun: no such folder; pipelines of this repository: ., risk/churn/\n"
    assert capsys.readouterr().err == expected
