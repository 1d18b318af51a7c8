"""The DVC remote, where one is configured: it provides what was measured elsewhere and stores what is measured here.

A remote that can't be reached, or refuses, becomes a note and never a failure.
"""

import contextlib
import logging
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from pipeline.core.errors import last_line
from pipeline.data.source import dvc_files
from pipeline.review.baseline import dvc_outputs
from pipeline.review.baseline.champion import cached_file
from pipeline.review.measure.printed import clean

TIMEOUT = 900  # seconds for one transfer
MISSING = "Missing cache files"
PREFIX = re.compile(r"^ERROR: (failed to (transfer|fetch) '[^']*' - |unexpected error - )?")
NO_REMOTE = "no DVC remote: outputs stay in the Actions cache"


def configured(root: Path = Path()) -> bool:
    """Whether there is a default remote; the URL in DVC_REMOTE_URL becomes this clone's (.dvc/config.local)."""
    return dvc_files.remote_configured(root)


def pull() -> tuple[bool, str | None]:
    """Fetch what the lock names, and the run cache: whether the remote could be read, and a note on what is missing."""
    problem, stderr = _dvc("pull", "--run-cache", "--allow-missing", "--force")
    if problem:
        return False, f"the DVC remote could not be read, so stages may run that others ran already: {problem}"
    if MISSING in stderr:  # over HTTP, DVC prints the same for a server that is down
        return True, "the DVC remote lacks some of what dvc.lock names, or can't be read: stages may run again"
    return True, None


def push() -> str | None:
    """Push the outputs and the run cache; a note where that failed."""
    problem, _ = _dvc("push", "--run-cache")
    return f"the DVC remote did not accept the outputs: {problem}" if problem else None


def fetch(hashes: Collection[str]) -> None:
    """Fetch the files and folders with these MD5s into the cache, as far as the remote has them."""
    _fetch_objects(hashes)
    # DVC fetches of a folder the list of its files alone.
    parts = [part for md5 in hashes for part in dvc_outputs.parts(md5, lambda md5: cached_file(Path(), md5))]
    if parts:
        _fetch_objects(parts)


def _fetch_objects(hashes: Collection[str]) -> None:
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    logger = logging.getLogger("dvc")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what is missing is reported where it is needed
    try:
        with contextlib.suppress(Exception):  # whatever DVC's plug-ins raise
            Repo().cloud.pull([HashInfo("md5", value) for value in hashes])
    finally:
        logger.setLevel(level)


def _dvc(*arguments: str) -> tuple[str | None, str]:
    """Run DVC: why it failed (None where it did not), and its error output."""
    command = [sys.executable, "-m", "dvc", *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return f"timed out after {TIMEOUT} s", ""
    return (None if result.returncode == 0 else _reason(result.stderr)), result.stderr


def _reason(stderr: str) -> str:
    """Why DVC failed: the first of its errors, without the name of a file of its cache."""
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR: ")]
    return clean(PREFIX.sub("", errors[0]) if errors else last_line(stderr))[:500]
