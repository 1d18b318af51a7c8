"""The champion: the model that the base's `dvc.lock` names, from the cache or the DVC remote."""

import configparser
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.core import files
from pipeline.core.errors import PipelineError, last_line, listed
from pipeline.core.git import git

BASES = ("origin/main", "main")
MODEL = "models/model.txt"
REQUIRED = (MODEL, "models/signature.json")
OPTIONAL: tuple[str, ...] = ()  # outputs that a champion has where its lock names them
FOLDER = Path(".pipeline/champion")


@dataclass(frozen=True)
class Champion:
    """`found`: `folder` has its files. `none`: there is none yet. `missing`: named, but not available.

    `hashes`: the MD5 of each of its files, by the output's path.
    """

    state: Literal["found", "none", "missing"]
    base: str
    reason: str = ""
    hashes: Mapping[str, str] | None = None
    folder: Path | None = None
    same: bool = False

    @property
    def model(self) -> str:
        """MD5 of its model; empty where none is named."""
        return self.hashes[MODEL] if self.hashes else ""


class WithoutError(Exception):
    """Why there is no champion to compare with."""

    def __init__(self, state: Literal["none", "missing"], reason: str) -> None:
        super().__init__(reason)
        self.state = state


def find(base: str | None = None, root: Path = Path(), *, download: bool = True) -> Champion:
    """The champion at git revision `base` (default: origin/main, else main), copied to .pipeline/champion/.

    `download` asks the DVC remote for what is not in the cache.

    PipelineError where `base` is given and git does not know it; everything else that is absent is a state.
    """
    revision, hashes = base or "main", None
    try:
        revision = base_revision(base, root)
        hashes = named_by_lock(revision, root)
        if all(_is(root / path, md5) for path, md5 in hashes.items()):
            return Champion("found", revision, hashes=hashes, folder=root / "models", same=True)
        return Champion("found", revision, hashes=hashes, folder=_bring(revision, hashes, root, download))
    except WithoutError as problem:
        return Champion(problem.state, revision, str(problem), hashes)


def base_revision(base: str | None, root: Path) -> str:
    """The revision to compare with; WithoutError where there is none yet, PipelineError for an unknown `base`."""
    inside = git(root, "rev-parse", "--is-inside-work-tree")
    if inside.returncode != 0:
        lost = "not a git repository" in inside.stderr or "not installed" in inside.stderr
        raise WithoutError("none" if lost else "missing", f"git: {last_line(inside.stderr)}")
    if base is not None:
        if not _knows(root, base):
            raise PipelineError(f"{base}: git knows no such revision; `git fetch origin --tags` may bring it")
        return base
    for revision in BASES:
        if _knows(root, revision):
            return revision
    if git(root, "remote").stdout.strip():
        raise WithoutError(
            "missing", "this clone does not hold the branch main; `git fetch origin main:refs/remotes/origin/main`"
        )
    raise WithoutError("none", "the repository has no branch main with a commit yet")


def named_by_lock(revision: str, root: Path) -> dict[str, str]:
    """MD5 of each file of the model that the revision's `dvc.lock` names, by path; WithoutError where it names none.

    A lock that names a model in part has one: it is missing, or the gate would pass on floors alone.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    shown = git(root, "show", f"{revision}:./dvc.lock")
    if shown.returncode != 0:
        raise WithoutError("none", f"{revision} has no dvc.lock yet")
    try:
        stages: dict[str, Any] = (YAML(typ="safe").load(shown.stdout) or {}).get("stages", {})
        outputs = [output for stage in stages.values() for output in stage.get("outs", [])]
        known = {output["path"]: str(output["md5"]) for output in outputs}
    except (YAMLError, AttributeError, KeyError, TypeError):
        raise WithoutError("missing", f"{revision}: its dvc.lock can't be read; repair it there") from None
    found = {path: known[path] for path in (*REQUIRED, *OPTIONAL) if path in known}
    lacking = [path for path in REQUIRED if path not in found]
    if lacking and not found and "train" not in stages:
        raise WithoutError("none", f"{revision}: its dvc.lock names no trained model yet")
    if lacking:
        raise WithoutError(
            "missing",
            f"{revision}: its dvc.lock lacks {listed(lacking)} of its model; `make run` there, and commit it",
        )
    return found


def cache_folder(root: Path) -> Path:
    """DVC's cache, as .dvc/config.local or .dvc/config set it (read here: asking DVC costs its imports)."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read([root / ".dvc/config", root / ".dvc/config.local"], encoding="utf-8")
    return (root / ".dvc" / config.get("cache", "dir", fallback="cache")).absolute()


def keep(project: Path, root: Path) -> tuple[dict[str, str], Path]:
    """Copy the files of a project's model to .pipeline/champion/; their MD5s by path, and the new folder."""
    there = [*REQUIRED, *(path for path in OPTIONAL if (project / path).is_file())]
    hashes = {path: files.md5(project / path) for path in there}
    folder = root / FOLDER / hashes[MODEL]
    for path in there:
        with files.replacing(folder / Path(path).name) as temporary:
            shutil.copyfile(project / path, temporary)
    return hashes, folder


def _bring(revision: str, hashes: Mapping[str, str], root: Path, download: bool) -> Path:
    """The champion's files from an earlier copy, the DVC cache or a DVC remote; WithoutError where none has them."""
    folder = root / FOLDER / hashes[MODEL]
    for path, md5 in hashes.items():
        copy, cached = folder / Path(path).name, cache_folder(root) / "files/md5" / md5[:2] / md5[2:]
        if _is(copy, md5):
            continue
        if _is(cached, md5):
            with files.replacing(copy) as temporary:
                shutil.copyfile(cached, temporary)
        elif not (download and _download(revision, path, md5, copy, root)):
            asked = "neither in the DVC cache nor on a DVC remote" if download else "not in the DVC cache"
            raise WithoutError(
                "missing",
                f"the model of {revision} ({hashes[MODEL][:8]}) is {asked}; `pipeline gate --rebuild` trains it again",
            )
    return folder


def _download(revision: str, path: str, md5: str, target: Path, root: Path) -> bool:
    """Ask DVC for a file of `revision` (its remote, or a cache that is set elsewhere); False where it has none."""
    if not (root / ".dvc").is_dir():
        return False
    with tempfile.TemporaryDirectory() as folder:
        got = Path(folder) / "file"
        command = [sys.executable, "-m", "dvc", "get", "--quiet", ".", path, "--rev", revision, "--out", str(got)]
        subprocess.run(command, cwd=root, capture_output=True, check=False)
        if not _is(got, md5):
            return False
        with files.replacing(target) as temporary:
            shutil.copyfile(got, temporary)
    return True


def _knows(root: Path, revision: str) -> bool:
    return git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode == 0


def _is(path: Path, md5: str) -> bool:
    """Whether the file is there with this content."""
    return path.is_file() and files.md5(path) == md5
