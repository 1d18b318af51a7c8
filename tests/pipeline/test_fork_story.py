"""What a fork does first breaks none of its tests: data of its own, other parameters, a parameter search."""

from pathlib import Path

import pytest

from tests.pipeline.forks import fork, parameters, put_own_data, share_compiled_modules

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]

# Half a minute of simulations on the engine's own table, which is read by its absolute path: a fork changes nothing.
SIMULATED = "tests/pipeline/review/gate/test_behaviour.py"


def test_with_own_data_other_parameters_and_a_search_lint_and_all_tests_pass(tmp_path: Path) -> None:
    """By the README's commands. That other tasks need only parameters is told in test_pipeline.py."""
    own_fork = fork(tmp_path / "fork")
    put_own_data(own_fork, "binary")
    own_fork.ok("make", "setup")
    share_compiled_modules(own_fork)
    own_fork.ok(".venv/bin/pipeline", "fetch")
    own_fork.ok(".venv/bin/pipeline", "schema", "--force")
    printed = own_fork.ok("make", "run")
    assert "gate: pass" in printed or "gate: warn" in printed, printed
    own_fork.commit("our data")

    own_fork.configure(train={"num_leaves": 20, "learning_rate": 0.0001}, tune={"trials": 3})
    own_fork.ok("make", "tune")
    assert parameters(own_fork)["train"]["learning_rate"] > 0.0001, "the search has written nothing"
    own_fork.ok("make", "run")
    own_fork.commit("better parameters")

    own_fork.ok("make", "lint")
    printed = own_fork.ok("make", "test", PYTEST_ADDOPTS=f"--ignore={SIMULATED}")

    assert "skipped" not in printed.splitlines()[-1]
    assert own_fork.ok("git", "status", "--porcelain") == "", "the tests have written into the fork"
