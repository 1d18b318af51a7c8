"""A damaged log is read as far as it goes: what is lost is counted, named, and fatal to nothing else."""

import gzip
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import as_nobody
from tests.pipeline.predictions import logged
from tests.pipeline.predictions.logged import DAY, NAME, START

LATER = "predictions.w1.20240507T000000.000000Z.jsonl"


@pytest.mark.parametrize(
    ("line", "kind", "why"),
    [
        (b'{"id": "x", "ti', "lines", "Input data was truncated"),
        (b"\0\0\0\0", "lines", "JSON is malformed: invalid character (byte 0)"),
        (b'{"id": "\xff"}', "lines", "is not UTF-8 text"),
        (b'{"features": {"other": ' + b"[" * 10_000, "lines", "is nested too deeply"),
        (b"[]", "types", "Expected `object`, got `array`"),
        (logged.row(9, id=7), "types", "Expected `str`, got `int` - at `$.id`"),
        (logged.row(9) | {"time": "yesterday"}, "types", "Invalid RFC3339 encoded datetime - at `$.time`"),
        (logged.row(9) | {"time": "2024-05-06T00:00:00"}, "types", "Expected `datetime` with a timezone component"),
        (logged.row(9, score=None), "types", "Expected `float`, got `null` - at `$.score`"),
        (logged.row(9, features={"income": "much"}), "types", "Expected `float | null`, got `str` - at `$.features"),
        (logged.row(9, features={"town": 3}), "types", "Expected `str | null`, got `int`"),
        (logged.row(9, features=None), "types", "Expected `object`, got `null`"),
        (logged.row(9, flags=["income"]), "types", "Expected `object | null`, got `array`"),
        ({"id": "x", "score": 0.5}, "types", "Object missing required field `time`"),
    ],
)
def test_a_damaged_line_is_counted_and_named(tmp_path: Path, line: Any, kind: str, why: str) -> None:
    logged.write(tmp_path, [*logged.rows(4), line, *logged.rows(4, first=20)])
    found = logged.read(tmp_path)
    assert found.windows[0].rows == 8
    assert found.damage.counts == {kind: 1}
    assert found.damage.places[0].startswith(f"{NAME}:5: {why}")


def test_only_the_first_places_are_named_but_all_are_counted(tmp_path: Path) -> None:
    logged.write(tmp_path, [*logged.rows(4), *[b"{"] * 500])
    found = logged.read(tmp_path).damage
    assert found.counts == {"lines": 500}
    assert len(found.places) == 10


def test_a_line_without_an_end_fills_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.predictions import json_lines

    monkeypatch.setattr(json_lines, "BLOCK", 1000)
    monkeypatch.setattr(json_lines, "LONGEST", 2000)
    logged.write(tmp_path, [*logged.rows(4), b"x" * 50_000, *logged.rows(4, first=20)])
    pieces = iter([b"x" * 1000] * 50)
    assert max(len(line) for _, lines, _ in json_lines._lines(pieces) for line in lines) <= 2000
    found = logged.read(tmp_path)
    assert (found.windows[0].rows, found.damage.counts) == (8, {"lines": 1})


def test_half_a_line_at_the_end_of_a_growing_file_is_no_damage(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(5))
    path.write_bytes(path.read_bytes()[:-40])
    found = logged.read(tmp_path)
    assert (found.rows, found.damage.counts) == (4, {})


def test_half_a_line_at_the_end_of_a_file_that_was_closed_is_damage(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(5))
    path.write_bytes(path.read_bytes()[:-40])
    logged.write(tmp_path, logged.rows(5, START + DAY, first=10), LATER)
    found = logged.read(tmp_path)
    assert (found.rows, found.damage.counts) == (9, {"lines": 1})
    assert found.damage.places == [f"{NAME}:5: Input data was truncated"]


def test_a_whole_last_line_without_its_newline_is_a_row(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(5))
    path.write_bytes(path.read_bytes()[:-1])
    assert logged.read(tmp_path).rows == 5


def test_what_is_there_of_a_truncated_gzip_is_read_and_the_file_named(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(5000), f"{NAME}.gz")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    found = logged.read(tmp_path)
    assert 2000 < found.rows < 3000
    assert found.damage.counts == {"files": 1}
    assert found.damage.places == [f"{NAME}.gz: the compressed file is cut off; what is there was read"]


def test_a_gzip_that_is_damaged_inside_is_read_until_there(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(50_000), f"{NAME}.gz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = b"\xff" * 2000
    path.write_bytes(content)
    found = logged.read(tmp_path)
    assert 10_000 < found.windows[0].rows < 40_000
    assert found.damage.files == 1
    assert f"{NAME}.gz: the compressed file is damaged; what is before that was read" in found.damage.places


def test_no_gzip_at_all_and_an_empty_one(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(5))
    (tmp_path / "a.jsonl.gz").write_bytes(b"hello, this is text")
    (tmp_path / "b.jsonl.gz").write_bytes(b"")
    found = logged.read(tmp_path)
    assert (found.rows, found.damage.counts) == (5, {"files": 1})


def test_a_gzip_of_several_members_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.gz"
    path.write_bytes(b"".join(gzip.compress(logged.text(logged.rows(50, first=at))) for at in (0, 100, 200)))
    assert logged.read(tmp_path).rows == 150


def test_a_clock_that_goes_wrong_is_named(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    wrong = now + timedelta(days=400)
    ahead = [logged.row(50 + at, wrong) for at in range(3)]
    slightly = [logged.row(90, now + timedelta(minutes=2))]
    logged.write(tmp_path, [*logged.rows(5, now - DAY / 10, DAY / 20), *ahead, *slightly])
    found = logged.read(tmp_path, until=None)
    assert sum(window.rows for window in found.windows) == 6
    assert found.damage.counts == {"future": 3}
    assert found.damage.places[0].startswith(f"{NAME}:6: is from the future ({wrong:%Y-%m-%dT%H:%M:%SZ})")


def test_a_row_id_that_comes_twice_counts_once(tmp_path: Path) -> None:
    """As when a file is shipped twice, or read while it is being compressed."""
    lines = logged.rows(60)
    logged.write(tmp_path, [*lines, *lines[:20], logged.row(0, START + DAY / 2, score=0.9)])
    found = logged.read(tmp_path)
    assert (found.rows, found.windows[0].rows) == (81, 60)
    assert found.windows[0].releases == {"a": 60}
    assert found.damage.counts == {"duplicates": 21}
    assert found.damage.places == ["window of 2024-05-06T00:00:00Z: 21 rows have an id that came before"]
    assert found.windows[0].answers.set_index("id")["score"]["r-0"] == 0.25


def test_beyond_the_sample_ids_that_come_twice_are_estimated(tmp_path: Path) -> None:
    lines = [one | {"flags": {"missing": ["income"]}} for one in logged.rows(20_000)]
    logged.write(tmp_path, [*lines, *lines[:10_000]])
    window = logged.read(tmp_path, max_rows=1000).windows[0]
    assert window.rows == pytest.approx(20_000, rel=0.05)
    assert window.missing["income"] == window.rows
    assert window.answers["id"].is_unique


def test_all_copies_count_exactly_where_every_row_came_twice(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(5000))
    logged.write(tmp_path, logged.rows(5000), f"{NAME}.gz")
    assert logged.read(tmp_path).windows[0].rows == 5000


def test_an_id_that_is_always_the_same_fills_no_memory(tmp_path: Path) -> None:
    logged.write(tmp_path, [one | {"id": "fixed-0"} for one in logged.rows(5000)])
    found = logged.read(tmp_path)
    assert (found.windows[0].rows, found.damage.duplicates) == (1, 4999)


def test_a_file_that_may_not_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are for their owner alone
        Path(name).chmod(0o755)
        logged.write(Path(name), logged.rows(5))
        logged.write(Path(name), logged.rows(5, first=20), LATER).chmod(0)
        with as_nobody():
            found = logged.read(Path(name))
    assert (found.rows, found.damage.places) == (5, [f"{LATER}: can't be read: Permission denied"])
