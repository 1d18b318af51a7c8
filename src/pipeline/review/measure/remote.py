"""The DVC remote, where one is configured: it brings what was measured elsewhere and keeps what is measured here.

A remote that can't be reached, or refuses, is a sentence for people and never a failure.
"""

import configparser
import contextlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from pipeline.core.errors import last_line
from pipeline.review.measure.printed import clean

URL_VARIABLE = "DVC_REMOTE_URL"
NAME = "measurements"  # of the remote that the variable configures
PATIENCE = 900  # seconds for one transfer
MISSING = "Missing cache files"
CLUTTER = re.compile(r"^ERROR: (failed to (transfer|fetch) '[^']*' - |unexpected error - )?")
NONE = "no DVC remote: outputs stay in the Actions cache"


def configured(root: Path = Path()) -> bool:
    """Whether there is a default remote; DVC_REMOTE_URL becomes the one of this clone (.dvc/config.local)."""
    if url := os.environ.get(URL_VARIABLE, "").strip():
        _dvc("remote", "add", "--local", "--default", "--force", NAME, url)
    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read([root / ".dvc/config", root / ".dvc/config.local"], encoding="utf-8")
    return bool(config.get("core", "remote", fallback=""))


def pull() -> tuple[bool, str | None]:
    """Bring what the lock names, and the run cache: whether the remote could be read, and a sentence on what lacks."""
    problem, said = _dvc("pull", "--run-cache", "--allow-missing", "--force")
    if problem:
        return False, f"the DVC remote could not be read, so stages may run that others ran already: {problem}"
    if MISSING in said:  # over HTTP, DVC says the same of a server that is down
        return True, "the DVC remote has not all that dvc.lock names, or can't be read: stages may run again"
    return True, None


def push() -> str | None:
    """Give the remote the outputs and the run cache; a sentence where that did not work."""
    problem, _ = _dvc("push", "--run-cache")
    return f"the DVC remote did not take the outputs: {problem}" if problem else None


def bring(hashes: Collection[str]) -> None:
    """Put files of these MD5s into the cache, those that the remote has."""
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    said = logging.getLogger("dvc")
    level = said.level
    said.setLevel(logging.CRITICAL)  # what is missing is said where it is used
    try:
        with contextlib.suppress(Exception):  # whatever DVC's plug-ins raise
            Repo().cloud.pull([HashInfo("md5", value) for value in hashes])
    finally:
        said.setLevel(level)


def _dvc(*arguments: str) -> tuple[str | None, str]:
    """Run DVC: why it failed, None where it did not, and all that it said."""
    command = [sys.executable, "-m", "dvc", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {PATIENCE} s", ""
    return (None if done.returncode == 0 else _reason(done.stderr)), done.stderr


def _reason(told: str) -> str:
    """Why DVC failed: the first of its errors, without the name of a file of its cache."""
    errors = [line for line in told.splitlines() if line.startswith("ERROR: ")]
    return clean(CLUTTER.sub("", errors[0]) if errors else last_line(told))[:500]
