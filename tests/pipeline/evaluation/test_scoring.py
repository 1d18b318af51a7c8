"""Test scores are the same after writing and reading, and scores that no model can have given are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored

GROUPS = pd.DataFrame({"sex": ["female", "male", "female"], "age": ["21 to 28", "29 to 40", "missing"]})
BINARY = Scored(
    "binary",
    np.array([0.0, 1.0, 1.0]),
    np.array([0.123456789, 0.5, 1.0]),
    np.array(["10", "2", "x y"]),
    ("0", "1"),
    0.5,
    slices=GROUPS,
    sensitive=GROUPS[["sex"]],
)
MULTICLASS = Scored(
    "multiclass",
    np.array([0.0, 10.0, 1.0]),
    np.random.default_rng(0).dirichlet(np.ones(12), 3),
    BINARY.keys,
    tuple("abcdefghijkl"),
)
REGRESSION = Scored("regression", np.array([1.5, -2.0, 0.0]), np.array([1e6, 0.1, 0.0]), BINARY.keys, quantile=0.9)


@pytest.mark.parametrize("scored", [BINARY, MULTICLASS, REGRESSION], ids=lambda scored: scored.task)
def test_scores_are_read_as_they_were_written_and_equal_scores_are_equal_bytes(tmp_path: Path, scored: Scored) -> None:
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    scoring.write(first, scored)
    loaded = scoring.read(first)
    scoring.write(second, loaded)
    assert first.read_bytes() == second.read_bytes()
    for name in ("target", "score", "keys"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(scored, name))
    for name in ("slices", "sensitive"):
        assert getattr(loaded, name).to_dict("list") == getattr(scored, name).to_dict("list")
    plain = ("task", "classes", "threshold", "quantile", "bins")
    assert [getattr(loaded, name) for name in plain] == [getattr(scored, name) for name in plain]


def test_rows_are_selected_by_mask_or_position_with_all_their_fields() -> None:
    masked, placed = BINARY.rows(np.array([True, False, True])), BINARY.rows(np.array([2, 0]))
    assert masked.keys.tolist() == ["10", "x y"]
    assert masked.slices["age"].tolist() == ["21 to 28", "missing"]
    assert placed.score.tolist() == [1.0, 0.123456789]
    assert placed.sensitive["sex"].tolist() == ["female", "female"]
    assert len(placed) == 2


def test_a_score_at_the_threshold_gives_the_positive_class() -> None:
    assert BINARY.decisions().tolist() == [0, 1, 1]


def test_several_classes_give_the_most_probable_one() -> None:
    np.testing.assert_array_equal(MULTICLASS.decisions(), MULTICLASS.score.argmax(axis=1))


@pytest.mark.parametrize(
    ("scored", "change", "reason"),
    [
        (BINARY, {"score": np.array([0.1, np.nan, 0.2])}, "a target or score is missing or infinite"),
        (BINARY, {"score": np.array([0.1, 1.2, 0.2])}, "a score is no probability"),
        (BINARY, {"target": np.array([0.0, 2.0, 1.0])}, "a target is none of the classes"),
        (BINARY, {"score": np.full((3, 2), 0.5)}, "its score columns do not fit task binary"),
        (MULTICLASS, {"classes": ("a", "b")}, "a target is none of the classes"),
        (MULTICLASS, {"classes": (*MULTICLASS.classes, "m")}, "it has 12 score columns for 13 classes"),
        (REGRESSION, {"task": "ranking"}, "task 'ranking' is unknown"),
    ],
)
def test_scores_that_no_model_can_have_given_are_refused(
    tmp_path: Path, scored: Scored, change: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "scores.parquet"
    scoring.write(path, replace(scored, **change))
    with pytest.raises(PipelineError, match=f"scores.parquet: {reason}"):
        scoring.read(path)


def test_a_missing_truncated_or_other_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    with pytest.raises(PipelineError, match="no such file; `make run` makes reports"):
        scoring.read(path)
    scoring.write(path, BINARY)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PipelineError, match="damaged"):
        scoring.read(path)
    GROUPS.to_parquet(path)
    with pytest.raises(PipelineError, match="damaged"):
        scoring.read(path)
