"""Only the model that dvc.lock names can be released."""

import shutil

import pytest

from tests.pipeline.conftest import Project

pytestmark = pytest.mark.engine


def acquire(project: Project) -> tuple[str, str]:
    """What was printed, and the error."""
    code = (
        "from pipeline.ship.release import locked_model\nfrom pipeline.core.errors import PipelineError\nimport sys\n"
        "try:\n    locked_model.acquire(); print('acquired')\nexcept PipelineError as error:\n    sys.exit(str(error))"
    )
    result = project.run("python", "-c", code, PYTHONPATH=str(project.folder / "src"))
    return result.stdout, result.stderr.strip()


def remove_outputs(project: Project) -> None:
    """Make the work tree that of a fresh clone."""
    for name in ("models", "reports", "data/split", "data/raw"):
        shutil.rmtree(project.folder / name, ignore_errors=True)
    project.ok("git", "checkout", "--", "reports/metrics.json")


def test_bytes_come_from_the_work_tree_then_the_cache_then_a_rebuild(trained: Project) -> None:
    model = trained.read("models/model.txt")
    assert acquire(trained) == ("acquired\n", "")

    remove_outputs(trained)
    assert acquire(trained) == ("acquired\n", "")
    assert trained.read("models/model.txt") == model

    remove_outputs(trained)
    shutil.rmtree(trained.folder / ".dvc/cache")
    output, problem = acquire(trained)
    assert problem == ""
    assert "training it again on the CPU" in output
    assert trained.read("models/model.txt") == model
    assert trained.ok("git", "status", "--porcelain") == ""


def test_what_the_monitor_compares_with_is_restored_in_a_fresh_clone(trained: Project) -> None:
    remove_outputs(trained)

    output = trained.ok("pipeline", "restore", PYTHONPATH=str(trained.folder / "src"))

    assert "data/split/train.parquet" in output
    assert (trained.folder / "data/split/train.parquet").is_file()
    assert (trained.folder / "reports/scores.parquet").is_file()


def test_a_model_that_is_not_the_locks_stops_with_one_sentence(trained: Project) -> None:
    path = trained.folder / "models/model.txt"
    text = path.read_text(encoding="utf-8")
    path.unlink()  # it may be a link into the cache
    path.write_text(text + "\n", encoding="utf-8")

    output, problem = acquire(trained)

    assert output == ""
    assert problem.startswith("dvc.lock: does not fit its inputs (refit: models/model.txt is not the one")
    assert len(problem.splitlines()) == 1


def test_a_lock_that_does_not_fit_its_inputs_stops_with_one_sentence(trained: Project) -> None:
    trained.configure(train={"num_leaves": 9})

    _, problem = acquire(trained)

    assert problem.startswith("dvc.lock: does not fit its inputs (train: parameter train")
    assert problem.endswith("run `make run` and commit the result")
    assert len(problem.splitlines()) == 1
