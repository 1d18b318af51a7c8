"""Folders that are slow to make and the same for many tests: made once, in the user's cache folder."""

import fcntl
import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipeline-tests"
MAX_AGE = 7 * 24 * 3600  # seconds since the last use


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that only one process of this machine has at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_once(name: str, key: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` fills, unless there is one of this name and key already; tests copy from it."""
    folder = CACHE / f"{name}-{key}"
    with locked(CACHE / f"{name}.lock"):
        if not folder.exists():
            _remove_old(name)
            part = CACHE / f"{name}.part"
            _remove(part)
            part.mkdir()
            make(part)
            part.rename(folder)
        os.utime(folder)
    return folder


def _remove_old(name: str) -> None:
    for folder in CACHE.glob(f"{name}-*"):
        if time.time() - folder.stat().st_mtime > MAX_AGE:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove by another process: `shutil.rmtree` opens folders by relative names, which the guard would misjudge."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def digest(root: Path, paths: Iterable[Path]) -> str:
    """A short hash of files by name and content; a folder stands for all its files except compiled ones."""
    hash_ = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                hash_.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return hash_.hexdigest()[:16]
