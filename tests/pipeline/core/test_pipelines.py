"""The pipelines of a repository: which folders hold one, and what each is called."""

import shutil
from pathlib import Path

import pytest

from pipeline.core import pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.core.pipelines import Pipeline
from tests.pipeline.conftest import FROZEN, ROOT


def add(root: Path, folder: str, name: str | None) -> None:
    """A pipeline in that folder, in git's index."""
    target = root / folder
    target.mkdir(parents=True, exist_ok=True)
    stages = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    (target / "dvc.yaml").write_text(pipelines.stages_at(folder, stages), encoding="utf-8")
    parameters = (FROZEN / "params.yaml").read_text(encoding="utf-8")
    named = parameters.replace("name: null", f"name: {name or 'null'}", 1)
    (target / "params.yaml").write_text(named, encoding="utf-8")
    git(root, "add", "--all")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    add(tmp_path, "", None)
    return tmp_path


def test_a_repository_with_one_pipeline_has_no_name_to_give(repository: Path) -> None:
    assert pipelines.find(repository) == [Pipeline("", None)]


def test_all_are_found_from_any_folder(repository: Path) -> None:
    add(repository, "models/fraud/", "fraud")
    add(repository, "churn/", "churn")
    expected = [Pipeline("", None), Pipeline("churn/", "churn"), Pipeline("models/fraud/", "fraud")]
    assert pipelines.find(repository) == pipelines.find(repository / "churn") == expected


def test_the_engine_without_parameters_at_the_top_is_no_pipeline(repository: Path) -> None:
    add(repository, "churn/", "churn")
    git(repository, "rm", "-q", "--force", "params.yaml")
    assert pipelines.find(repository) == [Pipeline("churn/", "churn")]


@pytest.mark.parametrize("missing", ["dvc.yaml", "params.yaml"])
def test_a_folder_that_lacks_a_file_is_no_pipeline(repository: Path, missing: str) -> None:
    add(repository, "churn/", "churn")
    (repository / "churn" / missing).unlink()
    assert pipelines.find(repository) == [Pipeline("", None)]


def test_one_that_is_not_committed_counts_unless_git_ignores_it(repository: Path) -> None:
    for folder in ("churn", "fraud"):
        add(repository, f"{folder}/", folder)
        git(repository, "rm", "-rq", "--cached", folder)
    (repository / ".gitignore").write_text("fraud/\n", encoding="utf-8")
    assert pipelines.find(repository) == [Pipeline("", None), Pipeline("churn/", "churn")]


def test_somebody_elses_dvc_project_is_no_pipeline(repository: Path) -> None:
    (repository / "other").mkdir()
    for name in ("dvc.yaml", "params.yaml"):
        (repository / "other" / name).write_text("stages: {}\n", encoding="utf-8")
    git(repository, "add", "--all")
    assert pipelines.find(repository) == [Pipeline("", None)]


@pytest.mark.parametrize("name", [None, "churn"])
def test_two_pipelines_of_one_name_are_refused(repository: Path, name: str | None) -> None:
    add(repository, "", name)
    add(repository, "churn/", name)
    for check in (pipelines.find, pipelines.check_names):
        with pytest.raises(
            PipelineError, match=rf"^churn/params.yaml: name: is {name or 'null'}, as in params.yaml; give"
        ):
            check(repository)


def test_wrong_parameters_are_no_matter_of_names(repository: Path) -> None:
    add(repository, "churn/", "churn")
    (repository / "churn/params.yaml").write_text("wrong: 1\n", encoding="utf-8")
    pipelines.check_names(repository)
    with pytest.raises(PipelineError, match="wrong: unknown key"):
        pipelines.find(repository)


def test_outside_git_there_is_the_folder_itself(tmp_path: Path) -> None:
    shutil.copy(FROZEN / "params.yaml", tmp_path)
    assert pipelines.find(tmp_path) == [Pipeline("", None)]


@pytest.mark.parametrize("path", ["dvc.lock", "../src/pipeline/core", "data/source.json"])
def test_a_path_of_the_lock_is_one_from_the_top(path: str) -> None:
    assert Pipeline("", None).path("src/pipeline/core") == "src/pipeline/core"
    expected = path.removeprefix("../") if path.startswith("..") else f"churn/{path}"
    assert Pipeline("churn/", "churn").path(path) == expected


def test_the_way_to_the_engine_is_the_only_difference_between_two_pipelines_stages(repository: Path) -> None:
    add(repository, "models/fraud/", "fraud")
    top, own = ((repository / folder / "dvc.yaml").read_text().splitlines() for folder in ("", "models/fraud/"))
    (before, after), *more = [pair for pair in zip(top, own, strict=True) if pair[0] != pair[1]]
    assert not more
    assert before.startswith('  - engine: ""  #')
    assert after.startswith("  - engine: ../../  #")


def test_a_folder_without_stages_is_refused(repository: Path) -> None:
    (repository / "empty").mkdir()
    with pytest.raises(PipelineError, match=r"^dvc\.yaml: no such file; run from the top of the repository, or from a"):
        pipelines.check_stages(repository / "empty")


def test_the_others_are_those_whose_parameters_can_be_read(repository: Path) -> None:
    for name in ("churn", "fraud", "wrong"):
        add(repository, f"{name}/", name)
    (repository / "wrong/params.yaml").write_text("wrong: 1\n", encoding="utf-8")
    others = {folder: settings.name for folder, settings in pipelines.others(repository / "churn")}
    assert others == {"": None, "fraud/": "fraud"}


def test_stages_that_are_not_the_engines_are_refused_with_the_way_out(repository: Path) -> None:
    add(repository, "churn/", "churn")
    pipelines.check_stages(repository)
    pipelines.check_stages(repository / "churn")
    with (repository / "dvc.yaml").open("a", encoding="utf-8") as file:
        file.write("# a new version\n")
    pipelines.check_stages(repository)
    with pytest.raises(
        PipelineError, match=r"^churn/dvc\.yaml: is not the engine's; .* `pipeline new churn` writes it"
    ):
        pipelines.check_stages(repository / "churn")
