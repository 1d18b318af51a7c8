"""How many of the added rows train, validate and test, and from when to when each side reaches."""

from pathlib import Path

import pandas as pd

from pipeline.watch.retrain import description, new_sides
from pipeline.watch.retrain import outcome as outcomes
from tests.pipeline.conftest import Project, small_table
from tests.pipeline.watch.retrain import scenes
from tests.pipeline.watch.retrain.conftest import Command

NEWEST = "2030-01-01"


def retrain(pipeline: Command, rows: int = 40) -> str:
    """Take rows in that are newer than all others; what is printed."""
    table = small_table("binary", rows, seed=7).assign(since=pd.Timestamp(NEWEST))
    scenes.write_log(Path("logs/predictions"), scenes.lines(table))
    scenes.write_labels(Path("labels.csv"), {f"r-{place}": label for place, label in enumerate(table["outcome"])})
    code, output = pipeline("retrain", "--labels", "labels.csv", "--since", "2026-11-01")
    assert code == 0, output
    return output


def test_by_time_the_newest_rows_test_and_the_model_that_ships_learns_them(project: Project, pipeline: Command) -> None:
    project.configure(split={"time": "since"})
    output = retrain(pipeline)
    result = outcomes.read()
    assert {name: side.new for name, side in result.sides.items()} == {"train": 0, "validation": 0, "test": 40}
    assert str(result.sides["test"].last).startswith(NEWEST)
    oldest, newest = (pd.Timestamp(str(end)) for end in (result.sides["train"].last, result.sides["test"].first))
    assert oldest < newest
    assert "of the new rows 0 to train (" in output
    assert "40 to test (" in output
    assert "the model that ships learns all of them" in output
    text = description.body(result, None, None)
    assert "| to validate | 0 |" in text
    assert new_sides.SHIPS in text


def test_by_hash_all_sides_get_some(project: Project, pipeline: Command) -> None:
    retrain(pipeline)
    result = outcomes.read()
    assert sum(side.new for side in result.sides.values()) == 40
    assert min(side.new for side in result.sides.values()) > 0
    text = description.body(result, None, None)
    assert f"| to train | {result.sides['train'].new} |" in text
    assert new_sides.SHIPS not in text


def test_rows_that_can_not_be_split_are_refused(project: Project, pipeline: Command) -> None:
    project.configure(split={"time": "town"})
    scenes.write_log(Path("logs/predictions"), scenes.lines(small_table("binary", 40, seed=7)))
    scenes.write_labels(Path("labels.csv"), {"r-1": "yes"})

    code, output = pipeline("retrain", "--labels", "labels.csv")

    assert code == 2
    assert "nothing was added, as `make run` would fail with these rows: split.time: town is text" in output
    assert outcomes.read().state == "refused"
