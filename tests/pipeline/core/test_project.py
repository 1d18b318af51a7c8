"""The project's code is loaded from the current repository; a mistake in it is an error of one line."""

import re
from pathlib import Path

import pytest

from pipeline.core import project
from pipeline.core.errors import PipelineError


def repository(folder: Path, **modules: str) -> Path:
    (folder / project.FOLDER).mkdir(parents=True)
    for name, text in {"__init__": "", **modules}.items():
        (folder / project.FOLDER / f"{name}.py").write_text(text)
    return folder


def test_a_module_and_its_imports_are_those_of_the_current_repository(tmp_path: Path) -> None:
    for name in ("first", "second", "first"):
        root = tmp_path / name
        if not root.exists():
            repository(root, first="from project.second import NAME", second=f"NAME = {name!r}")
        module = project.load("first", root)
        assert module is not None
        assert name == module.NAME


def test_a_missing_module_is_none(tmp_path: Path) -> None:
    assert project.load("shifts", tmp_path) is None
    assert project.load("shifts", repository(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\ndef broken(:\n", "src/project/shifts.py:2: SyntaxError: invalid syntax"),
        ("import nowhere", "src/project/shifts.py:1: ModuleNotFoundError: No module named 'nowhere'"),
        ("\n\n1 / 0", "src/project/shifts.py:3: ZeroDivisionError: division by zero"),
        ("from project import help", "src/project/help.py:1: NameError: name 'x' is not defined"),
        ("raise ValueError('two\\nlines')", "src/project/shifts.py:1: ValueError: two lines"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(PipelineError, match=f"^{re.escape(expected)}$"):
        project.load("shifts", repository(tmp_path, shifts=text, help="x"))


def test_a_package_that_fails_is_not_half_loaded(tmp_path: Path) -> None:
    root = repository(tmp_path, __init__="1 / 0", shifts="")
    for _ in range(2):
        with pytest.raises(PipelineError, match=r"^src/project/__init__\.py:1: ZeroDivisionError"):
            project.load("shifts", root)


def test_an_error_of_other_code_is_not_changed(tmp_path: Path) -> None:
    with pytest.raises(KeyError), project.errors_in_one_line(tmp_path):
        raise KeyError("engine")
