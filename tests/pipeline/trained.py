"""A project for each task whose pipeline has run: trained once for all tests, then copied."""

import shutil
from functools import cache
from pathlib import Path

from tests.pipeline import shared
from tests.pipeline.conftest import FROZEN, ROOT, Project, small_project
from tests.pipeline.guard import LOCKED, slow

# The files that the small project consists of.
ENGINE = ("src/pipeline", "dvc.yaml", "pyproject.toml", "uv.lock", ".dvc/config", ".dvcignore", ".gitignore")
PARTS = (*ENGINE, ".template.yaml", LOCKED)
STORE = "mlflow.db"


def trained(folder: Path, task: str) -> Project:
    """A copy of the small project in which every stage has run, and all is committed."""
    slow("a trained project")
    shared_folder = shared.make_once(f"trained-{task}", key(), lambda part: _train(part, task))
    shutil.copytree(shared_folder, folder, symlinks=True, dirs_exist_ok=True)
    copy_empty_store(folder)
    return Project(folder)


def copy_empty_store(folder: Path) -> None:
    """Put an MLflow store without runs where the pipeline logs to: its tables take seconds to make."""
    shared_folder = shared.make_once("mlflow", shared.digest(ROOT, [ROOT / "uv.lock"]), _make_store)
    shutil.copy(shared_folder / STORE, folder)


@cache
def key() -> str:
    this_file = Path(__file__)
    parts = [
        *(ROOT / name for name in PARTS),
        FROZEN / "params.yaml",
        FROZEN / "src",
        this_file,
        this_file.with_name("conftest.py"),
    ]
    return shared.digest(ROOT, [*parts, this_file.with_name("conftest.py")])


def _make_store(folder: Path) -> None:
    make = f"from mlflow import MlflowClient; MlflowClient('sqlite:///{STORE}').search_experiments()"
    Project(folder).ok("python", "-c", make)


def _train(folder: Path, task: str) -> None:
    project = small_project(folder, task)
    project.ok("dvc", "repro", "--quiet")
    project.commit("the first model")
