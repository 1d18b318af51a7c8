"""What a fork does first breaks none of its tests: data of its own, other parameters, a parameter search."""

from pathlib import Path

import pytest

from tests.pipeline.forks import Fork, fork, parameters, put_own_data, share_compiled_modules

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]


def start_fork(folder: Path, task: str) -> Fork:
    """A fork on data of its own, by the README's commands: set up, run and committed."""
    own_fork = fork(folder)
    put_own_data(own_fork, task)
    own_fork.ok("make", "setup")
    share_compiled_modules(own_fork)
    own_fork.ok(".venv/bin/pipeline", "fetch")
    own_fork.ok(".venv/bin/pipeline", "schema", "--force")
    printed = own_fork.ok("make", "run")
    assert "gate: pass" in printed or "gate: warn" in printed, printed
    own_fork.commit("our data")
    return own_fork


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_own_data_of_another_task_runs_and_the_projects_tests_pass(tmp_path: Path, task: str) -> None:
    own_fork = start_fork(tmp_path / "fork", task)
    assert " passed" in own_fork.ok(".venv/bin/pytest", "-v", "tests/project")


def test_with_own_data_other_parameters_and_a_search_lint_and_all_tests_pass(tmp_path: Path) -> None:
    own_fork = start_fork(tmp_path / "fork", "binary")
    own_fork.configure(train={"num_leaves": 20, "learning_rate": 0.0001}, tune={"trials": 3})
    own_fork.ok("make", "tune")
    assert parameters(own_fork)["train"]["learning_rate"] > 0.0001, "the search has written nothing"
    own_fork.ok("make", "run")
    own_fork.commit("better parameters")

    own_fork.ok("make", "lint")
    printed = own_fork.ok("make", "test")

    assert "skipped" not in printed.splitlines()[-1]
    assert own_fork.ok("git", "status", "--porcelain") == "", "the tests have written into the fork"
