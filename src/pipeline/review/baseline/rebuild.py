"""A champion whose files are unavailable, trained again from a work tree of its revision."""

import configparser
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pipeline.core import dvc_repo, pipelines
from pipeline.core.errors import PipelineError, last_line
from pipeline.core.git import git
from pipeline.core.yaml import load_yaml
from pipeline.data.source import dvc_files
from pipeline.models.boosting import DEVICE_VARIABLE
from pipeline.review.baseline.champion import REQUIRED, Champion, cache_folder, cached_file, store

Result = TypeVar("Result")


def rebuild(missing: Champion, root: Path = Path()) -> Champion:
    """Train the missing champion again on the CPU, in a temporary work tree that shares the DVC cache.

    CPU training is deterministic: `reason` says where the bytes are not the lock's. PipelineError where it fails.
    """
    root = root.absolute()
    hashes, folder = run_again(missing.base, root, REQUIRED, lambda project: store(project, root))
    reason = (
        "" if hashes == missing.hashes else f"rebuilt from {missing.base}, but not the bytes that its dvc.lock names"
    )
    return replace(missing, state="found", reason=reason, folder=folder, hashes=hashes)


def run_again(base: str, root: Path, outputs: Collection[str], read: Callable[[Path], Result]) -> Result:
    """Run the stages of revision `base` that make `outputs`, on the CPU; returns `read` of that project.

    The outputs are in the DVC cache afterwards. PipelineError where it fails.
    """
    root = root.absolute()
    with tempfile.TemporaryDirectory(prefix="pipeline-base-") as folder:
        tree = Path(folder) / "tree"
        result = git(root, "worktree", "add", "--detach", str(tree), base)
        if result.returncode != 0:
            raise PipelineError(f"{base}: git can't make a work tree of it ({last_line(result.stderr)})")
        try:
            project = tree / pipelines.folder(root)
            share_cache(root, project)
            _discard_damaged(root, project)
            _reproduce(base, project, outputs, dvc_files.bring(project))
            return read(project)
        finally:
            git(root, "worktree", "remove", "--force", str(tree))


def share_cache(root: Path, project: Path) -> None:
    """Give the work tree this clone's own DVC settings (remotes, credentials) and its cache."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read(dvc_repo.folder(root) / "config.local", encoding="utf-8")
    config["cache"] = {**(config["cache"] if config.has_section("cache") else {}), "dir": str(cache_folder(root))}
    folder = dvc_repo.folder(project)
    folder.mkdir(exist_ok=True)
    with (folder / "config.local").open("w", encoding="utf-8") as file:
        config.write(file)


def _discard_damaged(root: Path, project: Path) -> None:
    """Remove damaged files of the lock's outputs from the cache, which DVC would copy."""
    for stage in _locked_stages(project).values():
        for out in stage.get("outs", []):
            cached_file(root, str(out.get("md5")))


def _locked_stages(project: Path) -> dict[str, Any]:
    return dict(load_yaml(project / "dvc.lock", "dvc.lock")["stages"])


def _stages(project: Path, outputs: Collection[str]) -> list[str]:
    """The stages that make these outputs."""
    stages = _locked_stages(project)
    return [name for name, stage in stages.items() if {out["path"] for out in stage.get("outs", [])} & set(outputs)]


def _reproduce(base: str, project: Path, outputs: Collection[str], lacking: Sequence[str]) -> None:
    """Run the base's own stages with the base's own code: the engine's src at its top precedes the installed one.

    `lacking`: what is said of data that could not be brought, which stages in the cache do without.
    """
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(pipelines.top(project) / "src"),
        DEVICE_VARIABLE: "cpu",
    }
    command = [sys.executable, "-m", "dvc", "repro", *_stages(project, outputs)]
    run = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if run.returncode != 0:
        said = "\n".join(line for line in run.stderr.splitlines() if "ERROR" in line) or run.stderr
        problem = lacking[0] if lacking else last_line(said)
        raise PipelineError(f"{base}: its pipeline can't be run again ({problem})")
