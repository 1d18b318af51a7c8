"""Files of our own that are damaged: one line that names the file and the way out, or no cache."""

from pathlib import Path

import pytest

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.yaml import load_yaml


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"\0\0", b"[" * 100_000, b"1" * 5000, b"<<<<<<< a\n1\n=======\n2\n>>>>>>> b\n"]
)
def test_json_that_is_damaged_is_named_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(PipelineError, match=r"report\.json: .*`make run`") as raised:
        files.read_json(path)
    assert len(str(raised.value).splitlines()) == 1
    assert files.read_cache(path, dict[str, int]) is None


@pytest.mark.parametrize(
    "content", [b"\0", b"a: \x07", b"a: 2024-13-45", b"[" * 3000, b"\xff\xfe", b"a: [1", b"{a: 1, a: 2}"]
)
def test_yaml_that_is_damaged_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.yaml"
    path.write_bytes(content)
    with pytest.raises(PipelineError, match=r"^some\.yaml") as raised:
        load_yaml(path, "some.yaml")
    assert len(str(raised.value).splitlines()) == 1


def test_a_cache_is_read_where_it_has_the_type_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    assert files.read_cache(path, dict[str, int]) is None
    path.write_text('{"a": 1}', encoding="utf-8")
    assert files.read_cache(path, dict[str, int]) == {"a": 1}
    assert files.read_cache(path, dict[str, str]) is None
    assert files.read_cache(path, list[int]) is None
