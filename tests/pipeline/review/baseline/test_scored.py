"""Which rows a model may be judged on: those that it was not trained on."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.params import Split
from pipeline.models.signature import Feature, Signature
from pipeline.review.baseline.scored import held_out, moved_rows
from pipeline.train.stages.split import sides

HASHED = Split(test=0.2, validation=0.2, seed=3, time=None)


def signature(split: Split, seen_until: str | None = None) -> Signature:
    fields: dict[str, Any] = {"task": "regression", "target": "y", "key": "id", "positive": None, "classes": ()}
    fields |= {"threshold": None, "quantile": 0.5, "device": "cpu", "split": split, "seen_until": seen_until}
    return Signature(features=(Feature(name="x", source="x", kind="number", nullable=False),), **fields)


def test_the_test_rows_of_a_models_split_are_held_out_also_without_the_other_rows() -> None:
    table = pd.DataFrame({"id": range(500)})
    test = table[sides(table, "id", HASHED) == "test"]
    assert held_out(test, signature(HASHED)).all()
    assert np.array_equal(held_out(table, signature(HASHED)), sides(table, "id", HASHED) == "test")


@pytest.mark.parametrize(
    ("times", "seen_until"),
    [([2019, 2020, 2021], "2020"), (pd.to_datetime(["2019-05-01", "2020-05-01", "2020-05-02"]), "2020-05-01 00:00:00")],
)
def test_with_a_split_by_time_only_newer_rows_are_held_out(times: Any, seen_until: str) -> None:
    time_signature = signature(HASHED.model_copy(update={"time": "when"}), seen_until)
    assert held_out(pd.DataFrame({"when": times}), time_signature).tolist() == [False, False, True]


def test_a_table_without_the_time_column_is_refused() -> None:
    with pytest.raises(PipelineError, match="column when"):
        held_out(pd.DataFrame({"id": [1]}), signature(HASHED.model_copy(update={"time": "when"}), "2020"))


def keyless(*hashed: str) -> Signature:
    return signature(HASHED).model_copy(update={"key": None, "hashed": hashed})


def test_without_a_key_the_split_follows_from_the_columns_in_the_signature() -> None:
    table = pd.DataFrame({"x": range(500), "y": range(500)})
    later = table.assign(added=1.5)[["added", "y", "x"]]
    assert np.array_equal(held_out(later, keyless("x", "y")), sides(table, None, HASHED) == "test")


def test_without_a_key_a_new_column_s_cost_is_said_in_rows(tmp_path: Path) -> None:
    before = pd.DataFrame({"x": range(500), "y": range(500)})
    after = before.assign(town="Oslo")
    was_test, side = sides(before, None, HASHED) == "test", sides(after, None, HASHED)
    paths = [tmp_path / "train.parquet", tmp_path / "validation.parquet"]
    for path in paths:
        after[side == path.stem].to_parquet(path)
    compared, moved = int((was_test & (side == "test")).sum()), int((was_test & (side != "test")).sum())
    assert 0 < compared < moved
    test = after[side == "test"]
    text = moved_rows(test, compared, keyless("x", "y"), paths)
    assert f"now also town: {moved} of its {was_test.sum()} test rows are now used in training" in text
    assert moved_rows(test, compared, keyless("x", "y", "town"), paths) == ""
    assert moved_rows(test, compared, signature(HASHED), paths) == ""


def test_without_a_key_a_missing_column_or_no_recorded_one_is_refused() -> None:
    table = pd.DataFrame({"x": range(5)})
    with pytest.raises(PipelineError, match=r"the data no longer has y; with a key \(data\.key\) columns can go"):
        held_out(table, keyless("x", "y"))
    with pytest.raises(PipelineError, match="does not say which columns"):
        held_out(table, keyless())
