"""Two rules for tests of the engine: they read no file of the project, and slow ones have the marker `engine`.

What a fork changes in its own files must break none of the engine's tests.

An audit hook refuses to open them while a test of `tests/pipeline` is imported or run. Reads that it can't see (a
library that opens files without Python, a program that a test starts) make test_fork_story.py fail.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import template

ROOT = Path(__file__).parents[2]
TEMPLATE = template.read(ROOT)
# uv.lock has both owners' dependencies and fits this file only, so the two are copied together.
LOCKED = "src/project/pyproject.toml"

_watching = False
_running: pytest.Item | None = None


def owner_is_project(path: str) -> bool:
    """Whether an absolute path is one of the project's files, or in one of its folders."""
    name = os.path.relpath(path, ROOT)
    return name != LOCKED and TEMPLATE.is_project(name)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching or event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    name, mode = os.fsdecode(arguments[0]), arguments[1]
    if mode is None and not os.path.isabs(name):  # os.open: relative to another folder, as in rmtree
        return
    path = os.path.abspath(name)
    if owner_is_project(path):
        raise AssertionError(f"a test of the engine opens {path}, which is the project's: read tests/pipeline/frozen")


@contextmanager
def watching(item: pytest.Item | None = None) -> Iterator[None]:
    """Refuse the project's files while this runs; `item` is the running test."""
    global _running, _watching
    before, _watching, _running = _watching, True, item
    try:
        yield
    finally:
        _watching = before


def slow(part: str) -> None:
    """Fail where a test without the marker `engine` uses this part: `make test` has to stay quick."""
    if _running and not _running.get_closest_marker("engine"):
        pytest.fail(f"{part}: only tests with the marker `engine` may use it")


sys.addaudithook(_refuse)
