"""The whole pipeline, run as a user runs it, on a small table for each task."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipeline.conftest import Project, small_table
from tests.pipeline.trained import trained

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_each_task_needs_only_parameters_and_a_forced_second_run_leaves_the_lock_as_it_was(
    tmp_path: Path, task: str
) -> None:
    """The first run is shared with other tests; test_fork_story.py tells that of a user."""
    project = trained(tmp_path, task)
    lock = project.read("dvc.lock")

    printed = project.ok("pipeline", "run", "--force")
    assert project.read("dvc.lock") == lock
    assert "gate: pass" in printed or "gate: warn" in printed
    assert f"{'rmse' if task == 'regression' else 'log_loss'}" in printed
    assert "to sqlite:///mlflow.db" in printed

    third = project.ok("pipeline", "run")
    assert "Nothing has changed" in third
    assert "Running stage" not in third

    assert project.read("reports/model_card.md").startswith("# ")
    metrics = json.loads(project.ok("dvc", "metrics", "show", "--json"))
    assert metrics[""]["data"]["reports/metrics.json"]["data"]["rows"] > 100


def test_an_interrupted_run_is_resumed_and_gives_the_same_lock(tmp_path: Path) -> None:
    project = trained(tmp_path, "binary")
    expected = project.read("dvc.lock")
    (project.folder / "dvc.lock").unlink()
    for name in ("data/raw", "data/split", "models", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(project.folder / name, ignore_errors=True)

    process = subprocess.Popen(
        [Path(sys.executable).parent / "pipeline", "run"], cwd=project.folder, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not (project.folder / "data/split/test.parquet").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    project.ok("pipeline", "run")
    assert project.read("dvc.lock") == expected


def test_a_change_reruns_only_what_depends_on_it(tmp_path: Path) -> None:
    project = trained(tmp_path, "binary")
    project.configure(gate={"tolerance": 0.01})
    assert "Running stage" not in project.ok("pipeline", "run")
    project.configure(evaluate={"bootstrap": 150})
    printed = project.ok("pipeline", "run")
    assert "Running stage 'evaluate'" in printed
    assert "Running stage 'train'" not in printed


def test_changed_source_content_runs_the_pipeline_again(tmp_path: Path) -> None:
    project = trained(tmp_path, "binary")
    small_table("binary", rows=1300).to_parquet(project.folder / "data/table.parquet", index=False)
    printed = project.ok("pipeline", "run")
    assert "has new content" in printed
    assert "Running stage 'ingest'" in printed


class TestVerifyLock:
    def test_it_fits_after_a_run_and_in_a_clone_without_cache(self, tmp_path: Path) -> None:
        project, clone = trained(tmp_path / "project", "binary"), Project(tmp_path / "clone")
        assert project.ok("pipeline", "verify-lock") == "dvc.lock fits its inputs\n"
        project.ok("git", "clone", "-q", ".", str(clone.folder))
        assert "fits" in clone.ok("pipeline", "verify-lock")

        shutil.rmtree(project.folder / ".dvc/cache")
        assert "fits" in project.ok("pipeline", "verify-lock")
        (project.folder / "models/model.txt").write_text("another", encoding="utf-8")
        assert (
            "refit: models/model.txt is not the one that dvc.lock names"
            in project.run("pipeline", "verify-lock").stderr
        )

        clone.configure(train={"num_leaves": 7})
        completed = clone.run("pipeline", "verify-lock")
        assert completed.returncode == 2
        assert "train: parameter train of params.yaml" in completed.stderr
        assert "run `make run` and commit the result" in completed.stderr

    def test_a_lock_that_fits_and_is_not_committed_is_told(self, tmp_path: Path) -> None:
        project = trained(tmp_path, "binary")
        project.configure(train={"num_leaves": 7})
        project.ok("dvc", "repro", "--quiet")
        assert project.ok("pipeline", "verify-lock") == (
            "dvc.lock fits its inputs, but dvc.lock, reports/metrics.json are not committed: "
            "commit what was measured before you push\n"
        )

    def test_a_project_that_never_ran_is_an_error(self, binary_project: Project) -> None:
        completed = binary_project.run("pipeline", "verify-lock")
        assert completed.returncode == 2
        assert "ingest: is not in dvc.lock: it was never run" in completed.stderr

    def test_stages_of_different_runs_are_an_error(self, tmp_path: Path) -> None:
        """As a merge of two pull requests leaves them that were never measured together."""
        project = trained(tmp_path, "binary")
        yaml, path = YAML(), project.folder / "dvc.lock"
        before = yaml.load(path)
        project.configure(train={"num_leaves": 7})
        project.ok("dvc", "repro", "--quiet")
        mixed = yaml.load(path)
        mixed["stages"]["evaluate"] = before["stages"]["evaluate"]
        yaml.dump(mixed, path)
        completed = project.run("pipeline", "verify-lock")
        assert completed.returncode == 2
        assert "evaluate: models/measured/model.txt: dvc.lock names one version as an output" in completed.stderr
