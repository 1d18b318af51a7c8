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
from pipeline.ship.release import neighbours
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
    deploy = shared.deploy.model_copy(update={"name": "churn", "port": 8082, "operator_port": 8083})
    assert own == shared.model_copy(update={"name": "churn", "deploy": deploy})
    assert Path("churn/params.yaml").read_text(encoding="utf-8").count("\nname: churn  ") == 1
    assert package.of_project(Path("churn")).modules == ["__init__.py"]


def edit(path: Path, before: str, after: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(before, after, 1), encoding="utf-8")
    params.forget()


def deployed(text: str) -> str:
    """The parameters with the name and the ports of churn's deployment."""
    text = text.replace("  name: pipeline", "  name: churn   ", 1)
    return text.replace("port: 8080", "port: 8082", 1).replace("port: 8081", "port: 8083", 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [("name: null  # x\n", "name: churn # x\n"), ("name: null\n", "name: churn\n"), ("name:\n", "name: churn\n")],
)
def test_the_name_takes_the_place_of_the_tops(top: Path, before: str, after: str) -> None:
    parameters = (FROZEN / "params.yaml").read_text(encoding="utf-8")
    rest = "".join(line for line in parameters.splitlines(keepends=True) if not line.startswith("name:"))
    (top / "params.yaml").write_text(before + rest, encoding="utf-8")
    make("churn")
    assert Path("churn/params.yaml").read_text(encoding="utf-8") == after + deployed(rest)


def test_parameters_without_a_name_get_one(top: Path) -> None:
    unnamed = (FROZEN / "params.yaml").read_text(encoding="utf-8").replace("name: null", "# no name", 1)
    (top / "params.yaml").write_text(unnamed, encoding="utf-8")
    make("churn")
    assert Path("churn/params.yaml").read_text(encoding="utf-8") == f"name: churn\n\n{deployed(unnamed)}"


def test_each_gets_ports_that_no_other_has(top: Path) -> None:
    edit(top / "params.yaml", "operator_port: 8081", "operator_port: null")
    make("churn")
    edit(Path("churn/params.yaml"), "operator_port: null", "operator_port: 8082")
    make("fraud")
    assert [params.read(Path(name, "params.yaml")).deploy.port for name in ("churn", "fraud")] == [8081, 8083]
    neighbours.check(Path("fraud"))


def test_what_the_folder_has_stays_but_for_the_engines_stages() -> None:
    make("churn")
    for name in ("dvc.yaml", "params.yaml", ".gitignore"):
        Path("churn", name).write_text("own", encoding="utf-8")
    make("churn/")
    assert Path("churn/params.yaml").read_text(encoding="utf-8") == "own"
    assert Path("churn/.gitignore").read_text(encoding="utf-8") == "own"
    pipelines.check_stages(Path("churn"))


@pytest.mark.parametrize(
    "folder", ["../churn", "/churn", ".", "", "src/churn", ".github/churn", "docs", "a/b/c", "Churn", "a b"]
)
def test_a_folder_that_can_not_hold_a_pipeline_is_refused_and_nothing_is_written(folder: str, top: Path) -> None:
    with pytest.raises(PipelineError, match="; allowed: "):
        make(folder)
    assert sorted(path.name for path in top.iterdir()) == [".git", ".gitignore", "dvc.yaml", "params.yaml"]


def test_a_folder_that_git_ignores_is_refused() -> None:
    with pytest.raises(PipelineError, match=r"^models/churn: git ignores it"):
        make("models/churn")


def test_a_folder_that_is_complete_is_refused() -> None:
    make("churn")
    with pytest.raises(PipelineError, match=r"^churn/: holds a pipeline already, with the engine's dvc.yaml; nothing"):
        make("churn/")


@pytest.mark.parametrize("committed", [True, False])
def test_a_name_that_another_pipeline_has_is_refused(top: Path, committed: bool) -> None:
    make("churn")
    if committed:
        git(top, "add", "--all")
    with pytest.raises(PipelineError, match=r"^risk/churn: churn/params.yaml has the name churn already; choose"):
        make("risk/churn")
    assert not Path("risk").exists()


def test_without_a_pipeline_at_the_top_the_parameters_are_those_of_another(top: Path) -> None:
    make("churn")
    git(top, "rm", "-q", "--force", "params.yaml")
    make("fraud")
    assert params.read(Path("fraud/params.yaml")).name == "fraud"


def test_it_is_called_at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    make("churn")
    monkeypatch.chdir("churn")
    with pytest.raises(PipelineError, match="call it at the top of the repository"):
        make("fraud")
