"""dvc.yaml declares everything that a stage's output depends on: code, parameters, libraries, files."""

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest
from dvc.fs import LocalFileSystem
from dvc.ignore import DvcIgnoreFilter
from ruamel.yaml import YAML

from pipeline.cli import COMMANDS
from pipeline.core.params import Params
from pipeline.data.source import sources
from tests.pipeline.conftest import FROZEN, ROOT

TEXT = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
STAGES: dict[str, Any] = YAML(typ="safe").load(TEXT.replace("${engine}", ""))["stages"]  # as at the top
# Modules that do not change outputs: command line, errors, and checks of parameters (whose values DVC compares).
NO_OUTPUT = {"__init__", "cli", "costs", "errors", "git", "params", "pipelines", "yaml"}
SECTIONS = {field.annotation: name for name, field in Params.model_fields.items()}
LIBRARIES = {"pandas": "data", "pyarrow": "data", "pandera": "data", "lightgbm": "train", "evidently": "drift"}


def path_of(module: str) -> Path | None:
    path = ROOT / "src" / Path(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def imports(path: Path) -> set[str]:
    """The names of the modules that a file imports, at its top or in a function, except only for types."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def closure(path: Path) -> set[Path]:
    """All files of the package that a file reaches by imports, itself included."""
    reached, queue = set[Path](), [path]
    while queue:
        current = queue.pop()
        if current in reached or current.stem in NO_OUTPUT:
            continue
        reached.add(current)
        queue += [file for name in imports(current) if name.startswith("pipeline.") and (file := path_of(name))]
    return reached


def module_of(stage: str) -> Path:
    path = path_of(COMMANDS[STAGES[stage]["cmd"].split()[1]][0])
    assert path
    return path


def ignored() -> set[Path]:
    """The modules that .dvcignore excludes from the folders that stages depend on."""
    lines = (ROOT / ".dvcignore").read_text(encoding="utf-8").splitlines()
    return {ROOT / line[1:] for line in lines if line.startswith("/src/")}


def declared(stage: str) -> list[Path]:
    return [ROOT / dep for dep in STAGES[stage]["deps"] if dep.startswith("src/pipeline/")]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_its_code(stage: str) -> None:
    reached = closure(module_of(stage))
    missing = [path for path in reached if not any(path.is_relative_to(dep) for dep in declared(stage))]
    assert missing == []
    assert reached & ignored() == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_no_package_that_it_does_not_import(stage: str) -> None:
    reached = closure(module_of(stage))
    assert [dep for dep in declared(stage) if not any(path.is_relative_to(dep) for path in reached)] == []


def test_dvc_ignores_only_code_that_does_not_change_outputs() -> None:
    assert all(path.exists() for path in ignored())
    commands = {"fetch", "inference", "dvc_files", "dvc_lock", "store"}  # write or bring files, or check dvc.lock
    owners = {"project", "template"}  # who owns a file, and the project's code, which no stage runs
    assert {path.stem for path in ignored()} <= NO_OUTPUT | commands | owners


@pytest.mark.parametrize(
    "path",
    [
        "core/params/train.py",
        "core/errors.py",
        "ship/service/answers.py",
        "watch/monitor/signals.py",
        "data/source/fetch.py",
    ],
)
def test_a_change_of_code_that_does_not_change_outputs_runs_no_stage(path: str) -> None:
    assert stages_that_run_again(path) == []


def test_a_change_of_code_runs_the_stages_that_depend_on_it() -> None:
    assert stages_that_run_again("train/stages/evaluate.py") == ["evaluate"]
    assert stages_that_run_again("evaluation/metrics.py") == ["evaluate"]
    assert stages_that_run_again("models/training.py") == ["train", "refit", "evaluate"]
    assert stages_that_run_again("features/guard.py") == ["features", "train", "refit", "evaluate", "drift", "card"]
    assert stages_that_run_again("core/files.py") == list(STAGES)


def stages_that_run_again(path: str) -> list[str]:
    """The stages whose dependencies include a module of the package, by the rules of DVC's ignore file."""
    changed = ROOT / "src/pipeline" / path
    assert changed.is_file()
    if DvcIgnoreFilter(LocalFileSystem(), str(ROOT)).is_ignored_file(str(changed)):
        return []
    return [stage for stage in STAGES if any(changed.is_relative_to(dep) for dep in declared(stage))]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_the_sections_that_it_reads(stage: str) -> None:
    read = {
        SECTIONS[getattr(__import__("pipeline.core.params", fromlist=["x"]), node.args[0].attr)]
        for node in ast.walk(ast.parse(module_of(stage).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "section"
        and isinstance(node.args[0], ast.Attribute)
    }
    assert {name for name in STAGES[stage]["params"] if isinstance(name, str)} == read


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_the_libraries_that_its_output_depends_on(stage: str) -> None:
    groups = {
        key.split(".")[1]
        for item in STAGES[stage]["params"]
        if isinstance(item, dict)
        for key in item["pyproject.toml"]
    }
    used = {name.split(".")[0] for path in closure(module_of(stage)) for name in imports(path)}
    assert {group for library, group in LIBRARIES.items() if library in used} <= groups


def test_libraries_that_outputs_depend_on_are_pinned() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    libraries = {"numpy", "pandas", "pandera", "pyarrow", "lightgbm", "fairlearn", "scikit-learn", "scipy", "evidently"}
    pins = {name: spec for group in groups.values() for item in group for name, _, spec in [item.partition("==")]}
    assert libraries <= pins.keys()
    assert [name for name in libraries if "*" in pins[name]] == []


def test_every_file_of_a_stage_comes_from_git_or_another_stage() -> None:
    fetched = str(sources.FINGERPRINT)
    outputs = {fetched} | {
        path
        for stage in STAGES.values()
        for kind in ("outs", "metrics")
        for out in stage.get(kind, [])
        for path in ([out] if isinstance(out, str) else out)
    }
    for stage in STAGES.values():
        for dep in stage["deps"]:
            assert dep in outputs or (ROOT / dep).exists() or (FROZEN / dep).exists(), dep
