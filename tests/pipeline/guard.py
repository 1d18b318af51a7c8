"""No test of the engine reads a file of the project's: what a fork changes there must turn none of them red.

An audit hook refuses to open them while a test of `tests/pipeline` is imported or run. What it can't see (a library
that opens files without Python, a program that a test starts) the story of the forks finds.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT = (
    "params.yaml",
    "data",
    "src/project",
    "tests/project",
    "README.md",
    "LICENSE",
    "dvc.lock",
    "reports/metrics.json",
)

_paths = tuple(str(ROOT / name) for name in PROJECT)
_watching = False


def owner_is_project(path: str) -> bool:
    """Whether an absolute path is one of the project's files, or in one of its folders."""
    return any(path == own or path.startswith(own + os.sep) for own in _paths)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching or event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    path = os.path.abspath(os.fsdecode(arguments[0]))
    if owner_is_project(path):
        raise AssertionError(f"a test of the engine opens {path}, which is the project's: read tests/pipeline/frozen")


@contextmanager
def watching() -> Iterator[None]:
    """Refuse the project's files to whatever runs in here."""
    global _watching
    before, _watching = _watching, True
    try:
        yield
    finally:
        _watching = before


sys.addaudithook(_refuse)
