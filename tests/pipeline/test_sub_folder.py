"""Two pipelines in one repository, run for real: the one in a folder has its own model, lock, champion and verdict."""

import shutil
from pathlib import Path

import pytest

from pipeline.review.measure import measurement
from tests.pipeline.conftest import Project
from tests.pipeline.trained import trained

pytestmark = pytest.mark.engine

MEASURED = Path(".pipeline/measurement")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A trained pipeline at the top and one in risk/churn/, on the same data, both committed to main."""
    project = trained(tmp_path_factory.mktemp("repository"), "binary")
    project.ok("pipeline", "new", "risk/churn")
    folder = project.folder / "risk/churn"
    (folder / "data").mkdir()
    for name in ("table.parquet", "schema.yaml", "source.json"):
        shutil.copy(project.folder / "data" / name, folder / "data")
    Project(folder).ok("dvc", "repro", "--quiet")
    project.commit("churn")
    return project


def test_the_same_data_give_the_same_model_in_any_folder(repository: Project) -> None:
    Project(repository.folder / "risk/churn").ok("pipeline", "verify-lock")
    for name in ("models/model.txt", "reports/metrics.json"):
        assert repository.read(f"risk/churn/{name}") == repository.read(name)
    assert "path: ../../src/pipeline/core" in repository.read("risk/churn/dvc.lock")


def test_each_is_measured_against_its_own_champion_also_where_that_has_to_be_trained_again(repository: Project) -> None:
    churn = Project(repository.folder / "risk/churn")
    repository.ok("git", "checkout", "-q", "-b", "feature")
    churn.configure(train={"num_leaves": 5})
    repository.commit("fewer leaves")
    head = repository.ok("git", "rev-parse", "HEAD").strip()
    shutil.rmtree(repository.folder / ".dvc/cache")
    for folder in ("risk/churn/models", "risk/churn/.pipeline"):
        shutil.rmtree(repository.folder / folder)

    repository.ok("pipeline", "each", "measure", "--run", "--base", "main")

    top = measurement.read(repository.folder / MEASURED).measurement
    own = measurement.read(repository.folder / MEASURED / "risk/churn").measurement
    assert (top.outcome, own.outcome) == ("unchanged", "measured")
    assert top.head == own.head == head
    assert own.champion
    assert (own.champion.state, own.champion.reason) == ("scored", "")
    changed = repository.ok("git", "diff", "--name-only").split()
    assert changed == ["risk/churn/dvc.lock", "risk/churn/reports/metrics.json"]


def test_the_worst_status_of_all_is_that_of_the_whole(repository: Project) -> None:
    repository.ok("pipeline", "each", "verify-lock")
    repository.configure(train={"num_leaves": 7})  # of the one at the top, which comes first
    result = repository.run("pipeline", "each", "verify-lock")
    assert result.returncode == 2
    assert "\nrisk/churn/: pipeline verify-lock\ndvc.lock fits its inputs" in result.stdout
