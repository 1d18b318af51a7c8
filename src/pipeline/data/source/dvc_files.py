"""Data that DVC holds in place of git: each file of data/ with a .dvc file beside it, from the cache or the remote."""

import configparser
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.core import dvc_repo, files
from pipeline.core.errors import PipelineError, last_line
from pipeline.core.yaml import load_yaml

FOLDER, SUFFIX = "data", ".dvc"
URL_VARIABLE = "DVC_REMOTE_URL"
REMOTE = "measurements"  # name of the remote that the variable configures
TIMEOUT = 900  # seconds for one command
CREDENTIALS = re.compile(r"//[^/@\s]+@")


def remote_configured(root: Path = Path()) -> bool:
    """Whether there is a default remote; the URL in DVC_REMOTE_URL becomes this clone's (.dvc/config.local)."""
    if url := os.environ.get(URL_VARIABLE, "").strip():
        run(root, "remote", "add", "--local", "--default", "--force", REMOTE, url)
    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read([dvc_repo.folder(root) / name for name in dvc_repo.SETTINGS], encoding="utf-8")
    return bool(config.get("core", "remote", fallback=""))


def bring(root: Path = Path()) -> list[str]:
    """Bring what is missing, or of an earlier version; a line for each file that neither cache nor remote gave.

    PipelineError where somebody has changed a file and DVC does not hold the change.
    """
    wanted = _not_there(root)
    if not wanted:
        return []
    problem = run(root, "checkout", *_names(root, wanted))
    if absent := [path for path in _not_there(root) if not path.with_suffix("").exists()]:
        reachable = remote_configured(root)
        problem = run(root, "pull", *_names(root, absent)) if reachable else "there is no DVC remote"
    lines = []
    for path in _not_there(root):
        name = path.relative_to(root).with_suffix("").as_posix()
        if path.with_suffix("").exists():
            raise PipelineError(
                f"{name}: is not the content that {name}{SUFFIX} names; where the change is intended, `dvc add {name}` "
                f"and `dvc push {name}`, else remove the file and run again"
            )
        lines.append(
            f"{name}: is not in the DVC cache, and no DVC remote gave it ({problem or 'it lacks the file'}); see "
            "docs/how-to/your-own-data.md#where-the-data-goes"
        )
    return lines


def add(root: Path, names: Sequence[str]) -> None:
    """Put files of data/ into DVC's cache, with a .dvc file beside each; PipelineError where DVC refuses."""
    if problem := run(root, "add", *names):
        raise PipelineError(f"DVC can't take {names[0]}: {problem}")


def push(root: Path, names: Sequence[str]) -> str | None:
    """Store files on the remote; why that failed."""
    return run(root, "push", *(f"{name}{SUFFIX}" for name in names))


def run(root: Path, *arguments: str) -> str | None:
    """Run DVC: why it failed, None where it did not."""
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return f"timed out after {TIMEOUT} s"
    if done.returncode == 0:
        return None
    errors = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    return CREDENTIALS.sub("//", errors[0] if errors else last_line(done.stderr or done.stdout))[:500]


def _not_there(root: Path) -> list[Path]:
    """The .dvc files whose content is not beside them."""
    return [path for path in sorted((root / FOLDER).rglob(f"*{SUFFIX}")) if path.is_file() and not _is_there(path)]


def _is_there(path: Path) -> bool:
    """Whether the file is as its .dvc file says; a folder only has to exist."""
    place = path.with_suffix("")
    if not place.is_file():
        return place.is_dir()
    try:
        (out,) = load_yaml(path, str(path))["outs"]
        return (out.get("size"), out["md5"]) == (place.stat().st_size, files.md5(place))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise PipelineError(f"{path}: is no .dvc file of one output; `dvc add {place}` makes it again") from None


def _names(root: Path, paths: Sequence[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]
