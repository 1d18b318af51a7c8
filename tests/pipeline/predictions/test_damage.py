"""A damaged log is read as far as possible: damage is counted, its place listed, and the rest is not affected."""

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
    ("line", "kind", "reason"),
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
def test_a_damaged_line_is_counted_and_its_place_listed(tmp_path: Path, line: Any, kind: str, reason: str) -> None:
    logged.write(tmp_path, [*logged.rows(4), line, *logged.rows(4, first=20)])
    windowed = logged.read(tmp_path)
    assert windowed.windows[0].rows == 8
    assert windowed.damage.counts == {kind: 1}
    assert windowed.damage.places[0].startswith(f"{NAME}:5: {reason}")


def test_only_the_first_places_are_listed_but_all_are_counted(tmp_path: Path) -> None:
    logged.write(tmp_path, [*logged.rows(4), *[b"{"] * 500])
    damage = logged.read(tmp_path).damage
    assert damage.counts == {"lines": 500}
    assert len(damage.places) == 10


def test_a_line_without_an_end_is_read_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.predictions import json_lines

    monkeypatch.setattr(json_lines, "BLOCK", 1000)
    monkeypatch.setattr(json_lines, "MAX_LINE", 2000)
    logged.write(tmp_path, [*logged.rows(4), b"x" * 50_000, *logged.rows(4, first=20)])
    chunks = iter([b"x" * 1000] * 50)
    assert max(len(line) for _, lines, _ in json_lines._split_lines(chunks) for line in lines) <= 2000
    windowed = logged.read(tmp_path)
    assert (windowed.windows[0].rows, windowed.damage.counts) == (8, {"lines": 1})


def test_half_a_line_at_the_end_of_a_growing_file_is_no_damage(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(5))
    path.write_bytes(path.read_bytes()[:-40])
    windowed = logged.read(tmp_path)
    assert (windowed.rows, windowed.damage.counts) == (4, {})


def test_half_a_line_at_the_end_of_a_file_that_was_closed_is_damage(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(5))
    path.write_bytes(path.read_bytes()[:-40])
    logged.write(tmp_path, logged.rows(5, START + DAY, first=10), LATER)
    windowed = logged.read(tmp_path)
    assert (windowed.rows, windowed.damage.counts) == (9, {"lines": 1})
    assert windowed.damage.places == [f"{NAME}:5: Input data was truncated"]


def test_a_whole_last_line_without_its_newline_is_a_row(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(5))
    path.write_bytes(path.read_bytes()[:-1])
    assert logged.read(tmp_path).rows == 5


def test_a_truncated_gzip_is_read_up_to_its_end_and_the_file_is_listed(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(5000), f"{NAME}.gz")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    windowed = logged.read(tmp_path)
    assert 2000 < windowed.rows < 3000
    assert windowed.damage.counts == {"files": 1}
    assert windowed.damage.places == [
        f"{NAME}.gz: the compressed file is cut off; only the part before the end was read"
    ]


def test_a_gzip_that_is_damaged_inside_is_read_up_to_the_damage(tmp_path: Path) -> None:
    path = logged.write(tmp_path, logged.rows(50_000), f"{NAME}.gz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = b"\xff" * 2000
    path.write_bytes(content)
    windowed = logged.read(tmp_path)
    assert 10_000 < windowed.windows[0].rows < 40_000
    assert windowed.damage.files == 1
    assert f"{NAME}.gz: the compressed file is damaged; only the part before that was read" in windowed.damage.places


def test_a_file_that_is_not_gzip_is_damage_and_an_empty_one_is_not(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(5))
    (tmp_path / "a.jsonl.gz").write_bytes(b"hello, this is text")
    (tmp_path / "b.jsonl.gz").write_bytes(b"")
    windowed = logged.read(tmp_path)
    assert (windowed.rows, windowed.damage.counts) == (5, {"files": 1})


def test_a_gzip_of_several_members_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.gz"
    path.write_bytes(b"".join(gzip.compress(logged.text(logged.rows(50, first=first))) for first in (0, 100, 200)))
    assert logged.read(tmp_path).rows == 150


def test_rows_from_a_wrong_clock_are_damage(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    wrong = now + timedelta(days=400)
    ahead = [logged.row(50 + number, wrong) for number in range(3)]
    slightly = [logged.row(90, now + timedelta(minutes=2))]
    logged.write(tmp_path, [*logged.rows(5, now - DAY / 10, DAY / 20), *ahead, *slightly])
    windowed = logged.read(tmp_path, until=None)
    assert sum(window.rows for window in windowed.windows) == 6
    assert windowed.damage.counts == {"future": 3}
    assert windowed.damage.places[0].startswith(f"{NAME}:6: is from the future ({wrong:%Y-%m-%dT%H:%M:%SZ})")


def test_a_repeated_row_id_counts_once(tmp_path: Path) -> None:
    """As when a file is shipped twice, or read while it is being compressed."""
    lines = logged.rows(60)
    logged.write(tmp_path, [*lines, *lines[:20], logged.row(0, START + DAY / 2, score=0.9)])
    windowed = logged.read(tmp_path)
    assert (windowed.rows, windowed.windows[0].rows) == (81, 60)
    assert windowed.windows[0].releases == {"a": 60}
    assert windowed.damage.counts == {"duplicates": 21}
    assert windowed.damage.places == ["window of 2024-05-06T00:00:00Z: 21 rows have the id of an earlier row"]
    assert windowed.windows[0].answers.set_index("id")["score"]["r-0"] == 0.25


def test_repeated_ids_outside_the_sample_are_estimated(tmp_path: Path) -> None:
    lines = [row | {"flags": {"missing": ["income"]}} for row in logged.rows(20_000)]
    logged.write(tmp_path, [*lines, *lines[:10_000]])
    window = logged.read(tmp_path, max_rows=1000).windows[0]
    assert window.rows == pytest.approx(20_000, rel=0.05)
    assert window.missing["income"] == window.rows
    assert window.answers["id"].is_unique


def test_copies_are_counted_exactly_where_every_row_occurs_twice(tmp_path: Path) -> None:
    logged.write(tmp_path, logged.rows(5000))
    logged.write(tmp_path, logged.rows(5000), f"{NAME}.gz")
    assert logged.read(tmp_path).windows[0].rows == 5000


def test_rows_that_all_have_the_same_id_count_once(tmp_path: Path) -> None:
    logged.write(tmp_path, [row | {"id": "fixed-0"} for row in logged.rows(5000)])
    windowed = logged.read(tmp_path)
    assert (windowed.windows[0].rows, windowed.damage.duplicates) == (1, 4999)


def test_a_file_without_read_permission_is_listed() -> None:
    with tempfile.TemporaryDirectory() as name:  # only their owner may open pytest's own folders
        Path(name).chmod(0o755)
        logged.write(Path(name), logged.rows(5))
        logged.write(Path(name), logged.rows(5, first=20), LATER).chmod(0)
        with as_nobody():
            windowed = logged.read(Path(name))
    assert (windowed.rows, windowed.damage.places) == (5, [f"{LATER}: can't be read: Permission denied"])
