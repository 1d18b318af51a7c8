"""A table that DVC holds in place of git: every clone, rebuild and release can read it."""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.adopt.test_command import template
from tests.pipeline.conftest import Project, small_table

pytestmark = pytest.mark.engine
ANSWERS = ("--target", "outcome", "--yes", "--exclude", "none", "--golden", "none", "--split", "rows")
REBUILD = """
from pipeline.review.baseline import champion, rebuild
found = champion.find("main")
assert found.state == "missing", found
built = rebuild.rebuild(found)
assert (built.state, built.reason) == ("found", ""), built
"""
ACQUIRE = "from pipeline.ship.release import locked_model; print(dict(locked_model.acquire()))"


def forget(project: Project) -> None:
    """Make the clone a fresh one: nothing but what git holds."""
    project.ok("git", "clean", "-qfdx")
    assert not (project.folder / "data/t.csv").exists()


def test_data_on_a_remote_reach_clone_rebuild_and_release(tmp_path: Path) -> None:
    project = template(tmp_path / "project")
    project.ok("dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    project.commit("a remote")
    small_table("regression").to_csv(tmp_path / "t.csv", index=False)
    command = ("pipeline", "adopt", str(tmp_path / "t.csv"), *ANSWERS, "--sensitive", "none")
    printed = project.ok(*command)
    assert "--data                 dvc" in printed
    assert (project.folder / "data/t.csv").is_file()
    assert (project.folder / "data/t.csv.dvc").is_file()
    project.commit("our own data")
    assert project.ok("git", "ls-files", "data/t.csv") == ""
    assert "nothing to change" in project.ok("pipeline", "adopt", "data/t.csv", *ANSWERS, "--sensitive", "none")

    project.ok("git", "clone", "-q", str(project.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.ok("pipeline", "run")
    assert clone.ok("git", "status", "--porcelain") == ""
    model = clone.read("models/model.txt")

    forget(clone)
    clone.ok("python", "-c", REBUILD)
    forget(clone)
    assert "models/model.txt" in clone.ok("python", "-c", ACQUIRE)
    assert clone.read("models/model.txt") == model

    forget(clone)
    shutil.rmtree(tmp_path / "store")
    refused = clone.run("python", "-c", ACQUIRE)
    assert "HEAD: its pipeline can't be run again (data/t.csv: is not in the DVC cache" in refused.stderr


def test_dvc_needs_a_remote(tmp_path: Path) -> None:
    project = template(tmp_path / "project")
    small_table("regression").to_csv(tmp_path / "t.csv", index=False)
    command = ("pipeline", "adopt", str(tmp_path / "t.csv"), *ANSWERS, "--sensitive", "none", "--data")
    for data, message in (("dvc", "dvc needs a DVC remote"), ("box", "'box' is none of git, dvc")):
        refused = project.run(*command, data)
        assert refused.returncode == 2
        assert refused.stderr.startswith(f"error: --data: {message}")
    assert project.ok("git", "status", "--porcelain") == ""
