"""The champion: the model that the base's `dvc.lock` names, from the cache or the DVC remote."""

import configparser
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.core import dvc_repo, files, pipelines
from pipeline.core.errors import PipelineError, last_line, listed
from pipeline.core.git import git
from pipeline.review.baseline import dvc_outputs

MODELS = Path("models")
MODEL, MEASURED_MODEL = "models/model.txt", "models/measured/model.txt"
REQUIRED = (MODEL, "models/signature.json")
# Outputs that a champion may have, by its lock. Before there was the stage `refit`, the model that ships was measured.
OPTIONAL = (MEASURED_MODEL, "models/measured/signature.json")
FEATURES = "models/features"  # a folder: the feature code, where there was the stage `features`
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
        """MD5 of the model that ships; empty where none is named."""
        return self.hashes[MODEL] if self.hashes else ""

    @property
    def measured(self) -> Path | None:
        """The folder of the model that is compared with others: the one that ships may have learned the test rows."""
        if self.folder is None or MEASURED_MODEL not in (self.hashes or {}):
            return self.folder
        return self.folder / "measured"


class NoChampionError(Exception):
    """Why there is no champion to compare with."""

    def __init__(self, state: Literal["none", "missing"], reason: str) -> None:
        super().__init__(reason)
        self.state = state


def find(base: str | None = None, root: Path = Path(), *, download: bool = True) -> Champion:
    """The champion at git revision `base` (default: the remote's default branch), copied to .pipeline/champion/.

    `download` fetches from the DVC remote what is not in the cache.

    PipelineError where `base` is given and git does not know it; anything else that is missing is a state.
    """
    revision, hashes = base or "main", None
    try:
        revision = base_revision(base, root)
        hashes = hashes_in_lock(revision, root)
        if all(dvc_outputs.is_present(root / path, md5) for path, md5 in hashes.items()):
            return Champion("found", revision, hashes=hashes, folder=root / MODELS, same=True)
        return Champion("found", revision, hashes=hashes, folder=_copy_files(revision, hashes, root, download))
    except NoChampionError as problem:
        return Champion(problem.state, revision, str(problem), hashes)


def base_revision(base: str | None, root: Path) -> str:
    """The revision to compare with; NoChampionError where there is none, PipelineError for an unknown `base`."""
    inside = git(root, "rev-parse", "--is-inside-work-tree")
    if inside.returncode != 0:
        no_repository = "not a git repository" in inside.stderr or "not installed" in inside.stderr
        raise NoChampionError("none" if no_repository else "missing", f"git: {last_line(inside.stderr)}")
    if base is not None:
        if not _has_revision(root, base):
            raise PipelineError(f"{base}: git knows no such revision; `git fetch origin --tags` may bring it")
        return base
    for revision in default_bases(root):
        if _has_revision(root, revision):
            return revision
    if git(root, "remote").stdout.strip():
        remedy = "`git fetch origin '+refs/heads/*:refs/remotes/origin/*' && git remote set-head origin --auto`"
        raise NoChampionError("missing", f"this clone does not hold the remote's default branch; {remedy} brings it")
    raise NoChampionError("none", "the repository has no branch main with a commit yet")


def default_bases(root: Path) -> list[str]:
    """The remote's default branch, where a clone knows it; else the branch main of the remote or of this clone."""
    default = git(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD").stdout.strip()
    return [base for base in (default, "origin/main", "main") if base]


def hashes_in_lock(revision: str, root: Path) -> dict[str, str]:
    """MD5 of each of the model's files in the revision's `dvc.lock`, by path; NoChampionError where it names none.

    A lock that names a part of a model counts as missing, or the gate would pass on floors alone.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    lock = git(root, "show", f"{revision}:./dvc.lock")
    if lock.returncode != 0:
        raise NoChampionError("none", f"{revision} has no dvc.lock yet")
    try:
        stages: dict[str, Any] = (YAML(typ="safe").load(lock.stdout) or {}).get("stages", {})
        outputs = [output for stage in stages.values() for output in stage.get("outs", [])]
        locked = {output["path"]: str(output["md5"]) for output in outputs}
    except (YAMLError, AttributeError, KeyError, TypeError):
        raise NoChampionError("missing", f"{revision}: its dvc.lock can't be read; repair it there") from None
    hashes = {path: locked[path] for path in (*REQUIRED, *OPTIONAL, FEATURES) if path in locked}
    missing = [path for path in REQUIRED if path not in hashes]
    if missing and not hashes and "train" not in stages:
        raise NoChampionError("none", f"{revision}: its dvc.lock names no trained model yet")
    if missing:
        raise NoChampionError(
            "missing",
            f"{revision}: its dvc.lock lacks {listed(missing)} of its model; `make run` there, and commit it",
        )
    return hashes


def cache_folder(root: Path) -> Path:
    """DVC's cache, as .dvc/config.local or .dvc/config set it (read here, because importing DVC is slow)."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    folder = dvc_repo.folder(root)
    config.read([folder / name for name in dvc_repo.SETTINGS], encoding="utf-8")
    return (folder / config.get("cache", "dir", fallback="cache")).absolute()


def cached_file(root: Path, md5: str) -> Path | None:
    """DVC's file of the content with this MD5; None where the cache lacks it.

    A damaged file is removed: DVC, which does not read it, would neither fetch nor make it again.
    """
    path = cache_folder(root) / "files/md5" / md5[:2] / md5[2:]
    if not path.is_file() or files.md5(path) == md5.removesuffix(".dir"):
        return path if path.is_file() else None
    try:
        path.unlink()
    except OSError as error:
        raise PipelineError(f"{path}: damaged, and can't be removed: {files.reason(error)}") from None
    return None


def store(project: Path, root: Path) -> tuple[dict[str, str], Path]:
    """Copy the files of a project's model to .pipeline/champion/; their MD5s by path, and the new folder."""
    paths = [*REQUIRED, *(path for path in (*OPTIONAL, FEATURES) if (project / path).exists())]
    hashes = {path: dvc_outputs.md5(project / path) for path in paths}
    folder = root / FOLDER / hashes[MODEL]
    for path in paths:
        dvc_outputs.copy_from(project / path, folder / Path(path).relative_to(MODELS))
    return hashes, folder


def _copy_files(revision: str, hashes: Mapping[str, str], root: Path, download: bool) -> Path:
    """The champion's files from an earlier copy, the DVC cache or a DVC remote; NoChampionError where none has them."""
    folder = root / FOLDER / hashes[MODEL]
    for path, md5 in hashes.items():
        copy = folder / Path(path).relative_to(MODELS)
        if dvc_outputs.is_present(copy, md5) or dvc_outputs.copy(md5, copy, lambda part: cached_file(root, part)):
            continue
        if not (download and _download(revision, path, md5, copy, root)):
            absent = "neither in the DVC cache nor on a DVC remote" if download else "not in the DVC cache"
            raise NoChampionError(
                "missing",
                f"the model of {revision} ({hashes[MODEL][:8]}) is {absent}; `pipeline gate --rebuild` trains it again",
            )
    return folder


def _download(revision: str, path: str, md5: str, target: Path, root: Path) -> bool:
    """Get a file of `revision` by DVC (from its remote, or a cache elsewhere); False where it has none."""
    if not dvc_repo.folder(root).is_dir():
        return False
    source, name = str(pipelines.top(root).resolve()), pipelines.folder(root) + path
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        command = [sys.executable, "-m", "dvc", "get", "--quiet", source, name, "--rev", revision, "--out", str(file)]
        subprocess.run(command, cwd=root, capture_output=True, check=False)
        if not dvc_outputs.is_present(file, md5):
            return False
        dvc_outputs.copy_from(file, target)
    return True


def _has_revision(root: Path, revision: str) -> bool:
    return git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode == 0
