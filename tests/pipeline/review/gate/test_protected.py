"""What judges: paths and parameters whose change a person must accept."""

from typing import Any

import pytest

from pipeline.core.template import Template
from pipeline.review.gate.protected import changed_parameters, changed_paths, is_parameter

MAIN = Template(format=1, source=None, version="1.0.0", project=("src/project/", "params.yaml", "data/", "README.md"))
PARAMS: dict[str, Any] = {
    "data": {"source": "a.csv", "key": "id"},
    "task": {"type": "binary", "positive": 1},
    "split": {"seed": 0},
    "train": {"num_leaves": 31},
    "evaluate": {"slices": ["sex"], "sensitive": ["sex"]},
    "gate": {"tolerance": 0.005, "floors": {"roc_auc": 0.7}, "fairness": {"disparate_impact": 0.8}},
}


@pytest.mark.parametrize(
    "path",
    [
        *(".template.yaml", ".dvcignore", "Makefile", "GNUmakefile", "dvc.yaml", "uv.lock", "uv.toml"),
        *("pyproject.toml", "src/project/pyproject.toml"),
        *(".github/workflows/train.yaml", ".github/CODEOWNERS", "src/pipeline/models/training.py", "src/other.py"),
        *("src", "src/project", "src/projects/x.py"),  # a link in place of a folder
    ],
)
def test_changed_paths_that_judge_are_named(path: str) -> None:
    assert changed_paths([path], MAIN) == [path]


@pytest.mark.parametrize(
    "path", ["src/project/features.py", "README.md", "params.yaml", "docs/gate.md", "data/source.json", "sub/dvc.yaml"]
)
def test_changed_paths_that_do_not_judge_are_not_named(path: str) -> None:
    assert changed_paths([path], MAIN) == []


def test_paths_are_named_once_and_in_order() -> None:
    assert changed_paths(["uv.lock", "dvc.yaml", "uv.lock"], MAIN) == ["dvc.yaml", "uv.lock"]


def test_main_can_not_declare_the_settings_as_the_projects() -> None:
    greedy = MAIN.model_copy(update={"project": ("src/", ".github/", "dvc.yaml", "src/project/pyproject.toml")})
    settings = [".github/x.yaml", "dvc.yaml", "src/project/pyproject.toml"]
    assert changed_paths(settings, greedy) == settings


def test_without_a_template_file_in_main_all_of_src_judges() -> None:
    assert changed_paths(["src/project/features.py"], None) == ["src/project/features.py"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"gate": {"tolerance": 0.5}}, ["gate.tolerance"]),
        ({"gate": {"floors": {}}}, ["gate.floors.roc_auc"]),
        ({"gate": {"fairness": None}}, ["gate.fairness"]),
        ({"gate": {"overrule": "anyone"}}, ["gate.overrule"]),
        ({"evaluate": {"slices": [], "sensitive": []}}, ["evaluate.slices", "evaluate.sensitive"]),
        ({"split": {"seed": 1}}, ["split.seed"]),
        ({"task": {"positive": True}}, ["task.positive"]),  # 1 == True in Python
        ({"data": {"key": None}}, ["data.key"]),
        ({"data": {"source": "b.csv"}, "train": {"num_leaves": 7}}, []),
        ({"gate": {"tolerance": 0.0050}, "split": {"seed": 0.0}}, []),
    ],
)
def test_parameters_that_judge_are_compared_by_value(changed: dict[str, Any], expected: list[str]) -> None:
    head = {section: values | changed.get(section, {}) for section, values in PARAMS.items()}
    assert changed_parameters(PARAMS, head) == expected


@pytest.mark.parametrize("value", [None, [], "x"])
def test_a_section_that_is_none_is_named(value: Any) -> None:
    assert changed_parameters(PARAMS, PARAMS | {"gate": value}) == ["gate"]
    assert changed_parameters(PARAMS, PARAMS | {"data": value}) == ["data.key"]
    assert changed_parameters(PARAMS, {}) == ["gate", "evaluate", "split", "task", "data.key"]


def test_a_key_judges_by_its_section() -> None:
    assert is_parameter("gate.floors.roc_auc")
    assert is_parameter("data.key")
    assert not is_parameter("data.source")
    assert not is_parameter("gateway.x")


@pytest.mark.parametrize("path", ["sub/dvc.yaml", "sub/src/other.py", "src/pipeline/cli.py", ".github/CODEOWNERS"])
def test_a_pipeline_in_a_folder_is_judged_by_the_engine_and_by_its_own_files(path: str) -> None:
    assert changed_paths([path], MAIN, "sub/") == [path]
    assert changed_paths([path], MAIN, "other/") == ([] if path.startswith("sub/") else [path])


@pytest.mark.parametrize("path", ["sub/src/project/features.py", "sub/params.yaml", "sub/data/source.json"])
def test_its_project_is_its_own(path: str) -> None:
    assert changed_paths([path], MAIN, "sub/") == []
