from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.demo import outcomes


def test_labels_are_appended_below_one_header(tmp_path: Path) -> None:
    path = tmp_path / "logs/labels.csv"
    outcomes.append(path, [("a-0", "1")])
    outcomes.check(path)
    outcomes.append(path, [("b-0", 'so "called", it')])
    assert path.read_text() == 'id,label\na-0,1\nb-0,"so ""called"", it"\n'


@pytest.mark.parametrize("content", [b"row,truth\n1,2\n", b"\xff\xfe\x00", b"id,label,when\n"])
def test_a_file_with_other_content_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(PipelineError, match="does not begin with id,label; name another file"):
        outcomes.check(tmp_path / "labels.csv")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    for function in (outcomes.check, lambda path: outcomes.append(path, [("a-0", "1")])):
        with pytest.raises(PipelineError, match="Is a directory"):
            function(tmp_path)


def test_a_missing_or_an_empty_file_is_accepted(tmp_path: Path) -> None:
    outcomes.check(tmp_path / "labels.csv")
    (tmp_path / "labels.csv").touch()
    outcomes.check(tmp_path / "labels.csv")
