"""What a fork does on its first day turns none of its tests red: data of its own, other parameters, a search."""

from pathlib import Path

import pytest

from tests.pipeline.forks import Fork, fork, parameters, put_own_data

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]


def begun(folder: Path, task: str) -> Fork:
    """A fork on data of its own, by the README's commands: set up, run and committed."""
    made = fork(folder)
    put_own_data(made, task)
    made.ok("make", "setup")
    made.ok(".venv/bin/pipeline", "fetch")
    made.ok(".venv/bin/pipeline", "schema", "--force")
    printed = made.ok("make", "run")
    assert "gate: pass" in printed or "gate: warn" in printed, printed
    made.commit("our data")
    return made


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_own_data_of_another_task_runs_and_the_projects_tests_are_green(tmp_path: Path, task: str) -> None:
    made = begun(tmp_path / "fork", task)
    assert " passed" in made.ok(".venv/bin/pytest", "-v", "tests/project")


def test_own_data_other_parameters_and_what_a_search_writes_leave_lint_and_all_tests_green(tmp_path: Path) -> None:
    made = begun(tmp_path / "fork", "binary")
    made.configure(train={"num_leaves": 20, "learning_rate": 0.0001}, tune={"trials": 3})
    made.ok("make", "tune")
    assert parameters(made)["train"]["learning_rate"] > 0.0001, "the search has written nothing"
    made.ok("make", "run")
    made.commit("better parameters")

    made.ok("make", "lint")
    printed = made.ok("make", "test")

    assert "skipped" not in printed.splitlines()[-1]
    assert made.ok("git", "status", "--porcelain") == "", "the tests have written into the fork"
