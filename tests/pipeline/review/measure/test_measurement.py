"""A measurement as it is read back: its content, and a one-line error for whatever is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import PipelineError
from pipeline.review.measure import folder as folders
from pipeline.review.measure import measurement
from pipeline.review.measure.measurement import DataChange, Gain, Measurement

MEASUREMENT = Measurement(head=None, base="main", base_commit=None, outcome="measured")


def written(folder: Path, **changes: Any) -> Path:
    content = json.loads(MEASUREMENT.model_dump_json()) | changes
    (folder / measurement.MANIFEST).write_text(json.dumps(content), encoding="utf-8")
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(PipelineError) as caught:
        measurement.read(folder)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folders.write_manifest(tmp_path, MEASUREMENT)
    assert measurement.read(tmp_path).measurement == MEASUREMENT


def test_a_missing_manifest_says_what_makes_it(tmp_path: Path) -> None:
    assert "`pipeline measure` makes it" in refusal(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "great"},
        {"head": "main; rm -rf /"},
        {"base_commit": "a" * 39},
        {"stages": [{"name": "a b", "state": "ran"}]},
        {"stages": [{"name": "a", "state": "ran", "seconds": "1"}]},
        {"notes": ["x" * 1001]},
        {"notes": ["x"] * 51},
        {"failure": {"stage": "train", "lines": ["x"] * 41}},
        {"champion": {"state": "scored", "name": "main", "model": "../../x"}},
        {"pull_request": 7},
        {"version": "1"},
    ],
)
def test_a_manifest_of_another_shape_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert "run the measurement again" in refusal(written(tmp_path, **changes))


def test_figures_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / measurement.MANIFEST
    path.write_text(path.read_text(encoding="utf-8").replace('"seconds": null', '"seconds": NaN'), encoding="utf-8")
    assert "seconds" in refusal(tmp_path)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measurement.FILES, "metrics.json", 3)
    (written(tmp_path) / "metrics.json").write_text("[1, 2]", encoding="utf-8")
    assert "larger than 3 bytes" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_is_a_one_line_error(tmp_path: Path, content: bytes) -> None:
    (written(tmp_path) / "metrics.json").write_bytes(content)
    with pytest.raises(PipelineError, match=r"^metrics\.json: "):
        measurement.read(tmp_path).json("metrics.json")


def test_a_file_that_is_absent_is_none(tmp_path: Path) -> None:
    empty = measurement.read(written(tmp_path))
    assert (empty.path("metrics.json"), empty.json("metrics.json"), empty.text("model_card.md")) == (None, None, None)


class TestFolder:
    def test_it_is_replaced_as_a_whole(self, tmp_path: Path) -> None:
        target = tmp_path / "measurement"
        target.mkdir()
        (target / "old").touch()
        with folders.replaced(target) as new:
            (new / "new").touch()
        assert [path.name for path in tmp_path.rglob("*")] == ["measurement", "new"]

    def test_an_error_leaves_the_old_one_as_it_was(self, tmp_path: Path) -> None:
        target = tmp_path / "measurement"
        target.mkdir()
        (target / "old").touch()

        def stopped() -> None:
            with folders.replaced(target) as new:
                (new / "new").touch()
                raise PipelineError("no")

        with pytest.raises(PipelineError):
            stopped()
        assert [path.name for path in tmp_path.rglob("*")] == ["measurement", "old"]

    def test_a_folder_that_can_not_be_made_is_a_one_line_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(PipelineError, match="can't be written"), folders.replaced(tmp_path / "file/measurement"):
            pass

    def test_a_manifest_of_ten_thousand_gains_is_cut_to_what_its_reader_accepts(self, tmp_path: Path) -> None:
        name = "column with a long name " * 10
        gains = [Gain(feature=f"{index} {name}", gain=0.1) for index in range(10_000)]
        data = DataChange(rows_main=1, rows_here=1, added=0, removed=0, changed=0, columns=[], categories=[])
        large = MEASUREMENT.model_copy(update={"champion_gains": gains, "data": data})
        folders.write_manifest(tmp_path, large)
        manifest = measurement.read(tmp_path).measurement
        assert (len(manifest.champion_gains), manifest.data) == (500, data)
        assert "a part is left out" in manifest.notes[0]
