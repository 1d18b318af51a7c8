"""Copies of the repository to run benchmarks in, each with its own cache."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def copy(folder: Path) -> Path:
    """Copy this repository's files to `folder`, as a new repository without any earlier run."""
    folder.mkdir(parents=True)
    for name in (
        "src",
        "data",
        ".dvc",
        ".dvcignore",
        ".template.yaml",
        "dvc.yaml",
        "params.yaml",
        "pyproject.toml",
        "uv.lock",
        ".gitignore",
        "Makefile",
    ):
        source, target = ROOT / name, folder / name
        ignored = shutil.ignore_patterns("__pycache__", "cache", "tmp", "raw", "split")
        shutil.copytree(source, target, ignore=ignored) if source.is_dir() else shutil.copy(source, target)
    timed(["git", "init", "-q", "-b", "work"], folder)
    return folder


def without_features(folder: Path) -> Path:
    """Leave the sample's feature code out, whose columns another table lacks; the folder."""
    for path in (folder / "src/project/features").glob("*.py"):
        path.write_text("", encoding="utf-8") if path.name == "__init__.py" else path.unlink()
    return folder


def with_features(folder: Path, source: str) -> Path:
    """A copy of this repository whose feature code is `source`, trained."""
    without_features(copy(folder))
    (folder / "src/project/features/__init__.py").write_text(source, encoding="utf-8")
    timed(["pipeline", "run"], folder)
    return folder


def timed(command: list[str], folder: Path) -> float:
    """Wall seconds of a command that must succeed."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"error: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def median(command: list[str], folder: Path, times: int) -> float:
    """Median wall seconds of a command that can be repeated."""
    return sorted(timed(command, folder) for _ in range(times))[times // 2]
