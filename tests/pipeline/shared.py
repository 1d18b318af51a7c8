"""What is slow to make and the same for many tests: made once, into the user's cache folder, and found there later."""

import fcntl
import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipeline-tests"
KEPT = 7 * 24 * 3600  # seconds after its last use


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process of this machine is in here for this path at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def once(name: str, key: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` has filled, which it does where there is none of this name and key; tests copy from it."""
    folder = CACHE / f"{name}-{key}"
    with locked(CACHE / f"{name}.lock"):
        if not folder.exists():
            _forget_old(name)
            part = CACHE / f"{name}.part"
            _remove(part)
            part.mkdir()
            make(part)
            part.rename(folder)
        os.utime(folder)
    return folder


def _forget_old(name: str) -> None:
    for folder in CACHE.glob(f"{name}-*"):
        if time.time() - folder.stat().st_mtime > KEPT:
            _remove(folder)


def _remove(folder: Path) -> None:
    """In a process of its own: `shutil.rmtree` opens folders by their bare names, which the guard takes for others."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def digest(root: Path, paths: Iterable[Path]) -> str:
    """A short hash of files by name and content; a folder stands for all files in it but compiled ones."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                found.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]
