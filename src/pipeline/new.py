"""`pipeline new`: a folder for another pipeline of this repository."""

import re
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from pipeline.core import files, params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.core.params.values import PipelineName

IGNORED = Path(".gitignore")
FEATURES = Path("src/project/features/__init__.py")
NAME = re.compile(r"^name:([^#\n]*)", re.MULTILINE)


@click.command()
@click.argument("folder")
def command(folder: str) -> None:
    """Make FOLDER for another pipeline, named as the folder; where it has one, bring its dvc.yaml up to date."""
    for path, text in contents(folder).items():
        files.write_text(path, text)
        click.echo(f"{path}: written")
    click.echo(f"next: put in your data there ({pipelines.PAGE})")


def contents(folder: str) -> dict[Path, str]:
    """The text of each file that FOLDER needs and lacks, and of its dvc.yaml; PipelineError where it can't be one."""
    if pipelines.folder() or not Path(pipelines.STAGES).is_file():
        raise PipelineError("pipeline new: call it at the top of the repository, where the engine's dvc.yaml is")
    target = Path(folder)
    if target.is_absolute() or ".." in target.parts or target.parts[:1] in {(), ("src",), (".github",)}:
        raise PipelineError(f"{folder}: can't hold a pipeline; allowed: a folder below this one, but src/ and .github/")
    if git(Path(), "check-ignore", "--quiet", str(target / pipelines.STAGES)).returncode == 0:
        raise PipelineError(f"{folder}: git ignores it, by .gitignore; choose another folder")
    texts = {target / pipelines.STAGES: pipelines.stages_at(f"{target.as_posix()}/", _read(Path(pipelines.STAGES)))}
    if not (target / params.PATH).exists():
        texts[target / params.PATH] = _named(_read(params.PATH), target.name)
    if not (target / IGNORED).exists():
        texts[target / IGNORED] = _read(IGNORED)
    if not (target / FEATURES).parent.exists():
        texts[target / FEATURES] = (
            '"""The features of this pipeline: one NumPy function each; docs/how-to/add-a-feature.md."""\n'
        )
    return texts


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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PipelineError(f"{path}: {files.reason(error)}; call it at the top of the repository") from None
