"""The pipelines of a repository: the folders with a `dvc.yaml` of the engine's and a `params.yaml`, each with a name.

The engine itself stays at the top of the repository. Paths are written as git writes them, from the top.
"""

import contextlib
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.git import git

STAGES = "dvc.yaml"
ENGINE = re.compile(r'^( *- engine: *)("[^"]*"|\S*)', re.MULTILINE)  # in dvc.yaml: the way from its folder to the top
PAGE = "docs/how-to/several-models.md"


@dataclass(frozen=True)
class Pipeline:
    """`folder`: empty at the top of the repository, else it ends in "/". `name`: None for the only one."""

    folder: str
    name: str | None

    def path(self, path: str) -> str:
        """A path of its dvc.yaml or dvc.lock, from the top."""
        return posixpath.normpath(f"{self.folder}{path}")


def folder(root: Path = Path()) -> str:
    """The folder `root` from the top of its repository; empty at the top, and outside a repository."""
    return git(root, "rev-parse", "--show-prefix").stdout.strip()


def top(root: Path = Path()) -> Path:
    """The top of the repository that `root` lies in; `root` outside a repository."""
    return root / git(root, "rev-parse", "--show-cdup").stdout.strip()


def current(root: Path = Path()) -> Pipeline:
    """The pipeline of the folder `root`; PipelineError where its params.yaml is wrong."""
    return Pipeline(folder(root), params.read(root / params.PATH).name)


def folders(root: Path = Path()) -> list[str]:
    """The folders of the pipelines in the repository around `root`, the top's first; else its own.

    A new one counts before it is committed, unless git ignores it.
    """
    base, patterns = top(root), [f":(glob)**/{name}" for name in (STAGES, params.PATH)]
    command = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = {path for path in git(base, *command).stdout.split("\0") if (base / path).is_file()}
    candidates = sorted(path.removesuffix(STAGES) for path in listed if posixpath.basename(path) == STAGES)
    found = [
        candidate
        for candidate in candidates
        if f"{candidate}{params.PATH}" in listed and ENGINE.search(_text(base / candidate / STAGES))
    ]
    return found or [folder(root)]


def find(root: Path = Path()) -> list[Pipeline]:
    """The pipelines in those folders; PipelineError where two have one name, or a params.yaml is wrong."""
    base = top(root)
    found = [current(base / folder_) for folder_ in folders(root)]
    _check_names(found)
    return found


def check_names(root: Path = Path()) -> None:
    """PipelineError where two pipelines have one name; those whose params.yaml is wrong are left out."""
    base, found = top(root), list[Pipeline]()
    for folder_ in folders(root):
        with contextlib.suppress(PipelineError):
            found.append(current(base / folder_))
    _check_names(found)


def each(root: Path = Path()) -> Iterator[Pipeline]:
    """Each pipeline of the repository, with its folder as the working directory."""
    base = top(root).resolve()
    for pipeline in find(root):
        with contextlib.chdir(base / pipeline.folder):
            yield pipeline


def others(root: Path = Path()) -> Iterator[tuple[str, params.Params]]:
    """Folder and parameters of each other pipeline of the repository; one whose params.yaml is wrong is left out."""
    base, own = top(root), folder(root)
    for folder_ in folders(root):
        with contextlib.suppress(PipelineError):
            if folder_ != own:
                yield folder_, params.read(base / folder_ / params.PATH)


def stages_at(folder: str, text: str) -> str:
    """The text of the top's dvc.yaml, `text`, as a pipeline in `folder` has it."""
    way = "../" * folder.count("/")
    return ENGINE.sub(lambda match: match[1] + (way or '""'), text, count=1)


def check_stages(root: Path = Path()) -> None:
    """PipelineError where `root` has no dvc.yaml, or one in a folder that is not that of the engine at the top."""
    own, own_folder = root / STAGES, folder(root)
    if not own.is_file():
        raise PipelineError(f"{STAGES}: no such file; run from the top of the repository, or from a pipeline's folder")
    engine = top(root) / STAGES
    if not own_folder or not engine.is_file() or not ENGINE.search(_text(engine)):
        return
    if _text(own) != stages_at(own_folder, _text(engine)):
        again = f"`pipeline new {own_folder.rstrip('/')}` writes it again"
        raise PipelineError(
            f"{own_folder}{STAGES}: is not the engine's; at the top of the repository, {again} ({PAGE})"
        )


def _check_names(found: Sequence[Pipeline]) -> None:
    for index, pipeline in enumerate(found):
        for other in found[:index]:
            if pipeline.name == other.name:
                raise PipelineError(
                    f"{pipeline.folder}{params.PATH}: name: is {pipeline.name or 'null'}, as in "
                    f"{other.folder}{params.PATH}; give each pipeline another name"
                )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
