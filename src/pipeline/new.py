"""`pipeline new`: a folder for another pipeline of this repository."""

import re
from itertools import count, islice
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from pipeline.core import files, params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.core.params.values import PipelineName
from pipeline.train.tuning import yaml_edit

IGNORED = Path(".gitignore")
RESERVED = frozenset({"src", ".github", "tests", "docs", "data", "reports"})  # the engine's, and the top's
MAX_DEPTH = 2  # of folders: train.yaml looks no deeper for what the key of its cache is made of
FEATURES = Path("src/project/features/__init__.py")
FEATURES_TEXT = '"""The features of this pipeline: one NumPy function each; docs/how-to/add-a-feature.md."""\n'
NAME = re.compile(r"^name:([^#\n]*)", re.MULTILINE)


@click.command()
@click.argument("folder")
def command(folder: str) -> None:
    """Make FOLDER for another pipeline, named as the folder; where it has one, bring its dvc.yaml up to date.

    Its deployment gets that name, too, and ports that no other pipeline has.
    """
    for path, text in contents(folder).items():
        files.write_text(path, text)
        click.echo(f"{path}: written")
    click.echo(f"next: put in your data there ({pipelines.PAGE})")


def contents(folder: str) -> dict[Path, str]:
    """The text of each file that FOLDER needs and lacks, and of its dvc.yaml; PipelineError where it can't be one."""
    target = _target(folder)
    texts = dict[Path, str]()
    if not (target / params.PATH).exists():
        texts[target / params.PATH] = _placed(_named(_read(_parameters()), _new_name(target)), target)
    if not (target / IGNORED).exists():
        texts[target / IGNORED] = _read(IGNORED)
    if not (target / FEATURES).parent.exists():
        texts[target / FEATURES] = FEATURES_TEXT
    stages = pipelines.stages_at(f"{target.as_posix()}/", _read(Path(pipelines.STAGES)))
    path = target / pipelines.STAGES
    if not path.exists() or _read(path) != stages:
        texts = {path: stages} | texts
    if not texts:
        raise PipelineError(f"{folder}: holds a pipeline already, with the engine's {path.name}; nothing to do")
    return texts


def _target(folder: str) -> Path:
    """The folder, from the top; PipelineError where no pipeline can be in it."""
    if pipelines.folder() or not Path(pipelines.STAGES).is_file():
        raise PipelineError("pipeline new: call it at the top of the repository, where the engine's dvc.yaml is")
    target = Path(folder)
    parts = target.parts
    if target.is_absolute() or ".." in parts or not 0 < len(parts) <= MAX_DEPTH or parts[0] in RESERVED:
        allowed = f"one or two folders below this one, as risk/churn, but not in {', '.join(sorted(RESERVED))}"
        raise PipelineError(f"{folder!r}: can't hold a pipeline; allowed: {allowed}")
    if git(Path(), "check-ignore", "--quiet", str(target / pipelines.STAGES)).returncode == 0:
        raise PipelineError(f"{folder}: git ignores it, by .gitignore; choose another folder")
    return target


def _parameters() -> Path:
    """The parameters to begin with: the top's, else those of the first pipeline in a folder."""
    return next((path for own in pipelines.folders() if (path := Path(own, params.PATH)).exists()), params.PATH)


def _new_name(target: Path) -> str:
    """The name of the folder; PipelineError where another pipeline has it."""
    for pipeline in pipelines.find():
        if pipeline.name == target.name:
            where = f"{pipeline.folder}{params.PATH}"
            raise PipelineError(f"{target}: {where} has the name {target.name} already; choose another folder")
    return target.name


def _named(text: str, name: str) -> str:
    """params.yaml, `text`, with this name."""
    try:
        TypeAdapter(PipelineName).validate_python(name)
    except ValidationError:
        raise PipelineError(f"{name}: can't name a pipeline; allowed: a-z, 0-9 and -, at most 31, as churn") from None
    line = f"name: {name}"
    if not NAME.search(text):
        return f"{line}\n\n{text}"
    return NAME.sub(lambda match: f"{line} ".ljust(len(match[0])) if match[1].endswith(" ") else line, text, count=1)


def _placed(text: str, target: Path) -> str:
    """params.yaml, `text`, with a name and ports for the deployment that no other pipeline has on the same host."""
    paths = [path for own in pipelines.folders() if (path := Path(own, params.PATH)).exists()]
    deployed = [params.read(path).deploy for path in paths]
    used = {port for one in deployed for port in (one.port, one.operator_port)}
    port, operator_port = islice((port for port in count(deployed[0].port) if port not in used), 2)
    values: dict[str, Any] = {"name": target.name, "port": port}
    if deployed[0].operator_port:
        values["operator_port"] = operator_port
    return yaml_edit.replaced(text, "deploy", values, target / params.PATH)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PipelineError(f"{path}: {files.reason(error)}; call it at the top of the repository") from None
