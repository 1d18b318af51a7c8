"""`pipeline new`: a folder for another pipeline."""

import shutil
from pathlib import Path

import pytest

from pipeline import new
from pipeline.core import files, params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.core.pipelines import Pipeline
from pipeline.features import package
from tests.pipeline.conftest import FROZEN, ROOT


@pytest.fixture(autouse=True)
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The top of a repository with one pipeline, as working directory."""
    shutil.copy(FROZEN / "params.yaml", tmp_path)
    for name in ("dvc.yaml", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "--all")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(folder: str) -> None:
    for path, text in new.contents(folder).items():
        files.write_text(path, text)


def test_the_folder_holds_a_pipeline_of_its_name(top: Path) -> None:
    make("churn")
    git(top, "add", "--all")
    assert pipelines.find() == [Pipeline("", None), Pipeline("churn/", "churn")]
    own, shared = params.read(Path("churn/params.yaml")), params.read()
    assert own.model_copy(update={"name": None}) == shared
    assert Path("churn/params.yaml").read_text(encoding="utf-8").count("name: churn  ") == 1
    assert package.of_project(Path("churn")).modules == ["__init__.py"]


@pytest.mark.parametrize(
    ("before", "after"),
    [("name: null  # x\n", "name: churn # x\n"), ("name: null\n", "name: churn\n"), ("name:\n", "name: churn\n")],
)
def test_the_name_takes_the_place_of_the_tops(top: Path, before: str, after: str) -> None:
    parameters = (FROZEN / "params.yaml").read_text(encoding="utf-8")
    rest = "".join(line for line in parameters.splitlines(keepends=True) if not line.startswith("name:"))
    (top / "params.yaml").write_text(before + rest, encoding="utf-8")
    make("churn")
    assert Path("churn/params.yaml").read_text(encoding="utf-8") == after + rest


def test_parameters_without_a_name_get_one(top: Path) -> None:
    unnamed = (FROZEN / "params.yaml").read_text(encoding="utf-8").replace("name: null", "# no name", 1)
    (top / "params.yaml").write_text(unnamed, encoding="utf-8")
    make("churn")
    assert Path("churn/params.yaml").read_text(encoding="utf-8") == f"name: churn\n\n{unnamed}"


def test_what_the_folder_has_stays_but_for_the_engines_stages() -> None:
    make("churn")
    for name in ("dvc.yaml", "params.yaml", ".gitignore"):
        Path("churn", name).write_text("own", encoding="utf-8")
    make("churn/")
    assert Path("churn/params.yaml").read_text(encoding="utf-8") == "own"
    assert Path("churn/.gitignore").read_text(encoding="utf-8") == "own"
    pipelines.check_stages(Path("churn"))


@pytest.mark.parametrize("folder", ["../churn", "/churn", ".", "", "src/churn", ".github/churn", "Churn", "a b"])
def test_a_folder_that_can_not_hold_a_pipeline_is_refused_and_nothing_is_written(folder: str, top: Path) -> None:
    with pytest.raises(PipelineError, match="; allowed: "):
        make(folder)
    assert sorted(path.name for path in top.iterdir()) == [".git", ".gitignore", "dvc.yaml", "params.yaml"]


def test_a_folder_that_git_ignores_is_refused() -> None:
    with pytest.raises(PipelineError, match=r"^models/churn: git ignores it"):
        make("models/churn")


def test_it_is_called_at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    make("churn")
    monkeypatch.chdir("churn")
    with pytest.raises(PipelineError, match="call it at the top of the repository"):
        make("fraud")
