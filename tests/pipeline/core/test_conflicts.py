"""A conflict that git left is called one, and named before anything else is said of the file."""

from pathlib import Path

import pytest

from pipeline.core import conflicts, files
from pipeline.core.errors import PipelineError
from pipeline.core.yaml import load_yaml

CONFLICT = "a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> origin/main\n"


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_conflict_is_found_with_its_line(ends: str) -> None:
    told = conflicts.problem_in(CONFLICT.replace("\n", ends), "params.yaml")
    assert told is not None
    assert told.startswith("params.yaml: line 2 begins a merge conflict; keep what is right of both sides")


def test_a_made_file_is_made_anew() -> None:
    assert "git checkout --ours dvc.lock reports/metrics.json" in (conflicts.problem_in(CONFLICT, "dvc.lock") or "")


@pytest.mark.parametrize("text", ["", "a: 1\n", "a: '<<<<<<< x'\n", "=======\n", "<<<<<<< HEAD\nb: 1\n"])
def test_what_is_none_is_not_called_one(text: str) -> None:
    assert conflicts.problem_in(text, "params.yaml") is None


def test_readers_name_it(tmp_path: Path) -> None:
    for name, read in (("a.yaml", lambda path: load_yaml(path, "a.yaml")), ("a.json", files.read_json)):
        (tmp_path / name).write_text(CONFLICT)
        with pytest.raises(PipelineError, match="line 2 begins a merge conflict"):
            read(tmp_path / name)


def test_the_page_that_it_points_to_is_there() -> None:
    assert (Path(__file__).parents[3] / conflicts.PAGE).is_file()
