"""`pipeline gate` in a project that DVC has run: what it prints, what it writes, how it exits."""

import json
import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.trained import trained

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose main has a measured model."""
    project = trained(tmp_path_factory.mktemp("measured"), "binary")
    project.configure(gate={"tolerance": 0.02, "slices": {"tolerance": 0.1, "min_rows": 50}})
    project.commit("other bounds")
    return project


@pytest.fixture
def project(measured: Project, tmp_path: Path) -> Project:
    shutil.copytree(measured.folder, tmp_path / "copy")
    return Project(tmp_path / "copy")


def verdict(project: Project) -> dict[str, object]:
    content: dict[str, object] = json.loads(project.read("reports/verdict.json"))
    return content


def test_the_same_model_is_no_change(project: Project) -> None:
    assert "same model as main: no change" in project.ok("pipeline", "gate")
    assert verdict(project)["compared"] == verdict(project)["rows"]


def test_a_useless_model_fails_with_status_1_against_the_champion_on_the_same_rows(project: Project) -> None:
    project.configure(train={"max_trees": 1, "num_leaves": 2})
    project.ok("dvc", "repro", "-q")
    done = project.run("pipeline", "gate")
    content = verdict(project)
    assert (done.returncode, content["verdict"], done.stderr) == (1, "fail", "")
    assert "gate: fail" in done.stdout
    assert "✗ ROC AUC against main" in done.stdout
    assert content["compared"] == content["rows"]
    before = project.read("reports/verdict.json")
    project.run("pipeline", "gate")
    assert project.read("reports/verdict.json") == before


def test_after_a_change_of_the_split_only_rows_that_the_champion_never_saw_are_compared(project: Project) -> None:
    project.configure(split={"seed": 7})
    project.ok("dvc", "repro", "-q")
    assert "(its training saw the others)" in project.run("pipeline", "gate").stdout
    content = verdict(project)
    assert isinstance(content["compared"], int)
    assert isinstance(content["rows"], int)
    assert 0 < content["compared"] < content["rows"] / 2


def test_a_champion_whose_features_are_gone_is_reported_and_floors_and_fairness_judge_alone(project: Project) -> None:
    import pandas as pd

    source = project.folder / "data/table.parquet"
    pd.read_parquet(source).drop(columns="age").to_parquet(source, index=False)
    (project.folder / "data/schema.yaml").unlink()
    project.configure(evaluate={"slices": ["town"]})
    project.ok("pipeline", "fetch")
    project.ok("pipeline", "schema")
    project.ok("dvc", "repro", "-q")
    output = project.ok("pipeline", "gate")
    assert "the data no longer has its features: age" in output
    assert "gate: warn" in output


def test_rows_that_are_not_those_of_the_scores_are_an_error(project: Project) -> None:
    shutil.copy(project.folder / "reports/scores.parquet", project.folder / "other.parquet")
    project.configure(train={"seed": 3}, split={"seed": 7})
    project.ok("dvc", "repro", "-q", "train")
    assert "was not made from this work tree" in project.run("pipeline", "gate").stderr
    done = project.run("pipeline", "gate", "--scores", "other.parquet")
    assert done.returncode == 2
    assert done.stderr.startswith("error: data/split/test.parquet: not the rows that the scores are of")


def test_an_unknown_base_and_a_project_that_was_never_run_are_one_line_errors(project: Project) -> None:
    assert project.run("pipeline", "gate", "--base", "nowhere").stderr.count("\n") == 1
    (project.folder / "reports/scores.parquet").unlink()
    done = project.run("pipeline", "gate")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_a_reference_release_is_judged_against_as_well(project: Project) -> None:
    project.ok("git", "tag", "v1")
    project.configure(gate={"reference": "v1"})
    assert "same model as v1: no change" in project.ok("pipeline", "gate")
