"""The comment's line on what rows are for."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.review.comment import split_section
from pipeline.review.comment.facts import Facts
from tests.pipeline.review.comment.factories import bundle, context, verdict

SIDES = {"train": 600, "validation": 200, "test": 1200}
BY_TIME = {name: {"rows": rows, "first": f"{name} 1", "last": f"{name} 9"} for name, rows in SIDES.items()}
BY_HASH = {name: {"rows": rows} for name, rows in SIDES.items()}


def line(folder: Path, report: dict[str, Any] | None, refitted: dict[str, Any] | None = None) -> str | None:
    measured = bundle(folder)
    if report is not None:
        (folder / "split.json").write_text(json.dumps({"shared": [], **report}))
    (folder / "signature.json").write_text(json.dumps({"features": [], "refitted": refitted}))
    return split_section.line(Facts(measured, verdict(), context()))


def test_by_time_each_side_has_its_new_rows_and_its_period_and_the_verdict_is_on_the_procedure(tmp_path: Path) -> None:
    new = {"train": 0, "validation": 150, "test": 1200}
    learned = {"count": 2000, "first": "a", "last": "b"}
    assert line(tmp_path, {"time": "day", "sides": BY_TIME, "new": new}, learned) == (
        "600 train (+0 new, train 1 to train 9) · 200 validate (+150 new, validation 1 to validation 9) · "
        "1,200 test (+1,200 new, test 1 to test 9) by <code>day</code>. "
        "The model that ships learned all 2,000: the verdict is on the procedure"
    )


def test_by_hash_new_rows_alone_are_worth_a_line(tmp_path: Path) -> None:
    report = {"time": None, "sides": BY_HASH}
    assert line(tmp_path / "same", report) is None
    counted = line(tmp_path / "new", report | {"new": {"train": 30, "validation": 9, "test": 11}})
    assert counted == "600 train (+30 new) · 200 validate (+9 new) · 1,200 test (+11 new)"


def test_a_measurement_of_an_older_version_has_no_line(tmp_path: Path) -> None:
    assert line(tmp_path, None) is None


@pytest.mark.parametrize("first", ["<script>", "@everyone"])
def test_text_of_the_measurement_stays_text(tmp_path: Path, first: str) -> None:
    sides = {name: side | {"first": first} for name, side in BY_TIME.items()}
    text = line(tmp_path, {"time": "day", "sides": sides})
    assert text is not None
    assert first not in text
