"""Golden rows: JSON that the service accepts, and exactly the answers that training's scores imply."""

import json
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.params import Split
from pipeline.core.tasks import Task
from pipeline.evaluation.scoring import Scored
from pipeline.models.signature import Feature, Signature
from pipeline.review.baseline.champion import MODEL, Champion
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.ship.release import golden

KINDS: dict[str, Any] = {"town": "category", "age": "number", "member": "boolean", "since": "date"}
TABLE = pd.DataFrame(
    {
        "town": ["Oslo", None, "Bergen"],
        "age": [31.0, 40.5, np.nan],
        "member": pd.array([True, None, False], dtype="boolean"),
        "since": pd.to_datetime(["2024-01-31", "2024-02-01 12:30", None], format="mixed"),  # type: ignore[arg-type] # pandas-stubs know no None here
    }
)


def signature(task: Task, classes: tuple[str, ...] = ()) -> Signature:
    features = tuple(Feature(name=name, source=name, kind=kind, nullable=True) for name, kind in KINDS.items())
    return Signature(
        task=task,
        target="y",
        key=None,
        positive=None,
        classes=classes,
        threshold=0.4 if task == "binary" else None,
        quantile=0.5,
        features=features,
        split=Split(test=0.2, validation=0.2, seed=0, time=None),
        device="cpu",
    )


def scored(task: Task, score: Any, classes: tuple[str, ...] = ()) -> Scored:
    threshold = 0.4 if task == "binary" else None
    return Scored(task, np.zeros(3), np.array(score), np.arange(3), classes, threshold)


def test_a_row_is_what_a_request_holds_with_null_for_missing_values() -> None:
    rows = golden.rows(signature("regression"), TABLE, scored("regression", [1.0, 2.0, 3.0]), 20)

    assert json.loads(json.dumps([golden_row["row"] for golden_row in rows])) == [
        {"town": "Oslo", "age": 31, "member": True, "since": "2024-01-31T00:00:00"},
        {"town": None, "age": 40.5, "member": None, "since": "2024-02-01T12:30:00"},
        {"town": "Bergen", "age": None, "member": False, "since": None},
    ]
    assert [row["expected"] for row in rows] == [{"score": 1.0}, {"score": 2.0}, {"score": 3.0}]


def test_a_binary_answer_has_the_label_at_the_threshold() -> None:
    rows = golden.rows(signature("binary", ("no", "yes")), TABLE, scored("binary", [0.9, 0.4, 0.39], ("no", "yes")), 20)

    assert [row["expected"] for row in rows] == [
        {"score": 0.39, "label": "no"},
        {"score": 0.4, "label": "yes"},
        {"score": 0.9, "label": "yes"},
    ]


def test_with_several_classes_the_answer_is_the_likeliest_with_all_probabilities() -> None:
    score = [[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.2, 0.3, 0.5]]
    rows = golden.rows(
        signature("multiclass", ("a", "b", "c")), TABLE, scored("multiclass", score, ("a", "b", "c")), 20
    )

    assert rows[-1]["expected"] == {"score": 0.7, "label": "b", "probabilities": {"a": 0.1, "b": 0.7, "c": 0.2}}


def test_the_rows_are_spread_over_the_scores_and_a_wide_table_has_fewer() -> None:
    table = pd.concat([TABLE] * 100, ignore_index=True)
    many = Scored("regression", np.zeros(300), np.arange(300.0), np.arange(300))
    narrow = signature("regression")
    columns = tuple(Feature(name=f"c{i}", source=f"c{i}", kind="number", nullable=True) for i in range(500))

    scores = [row["expected"]["score"] for row in golden.rows(narrow, table, many, 20)]
    assert len(scores) == 20
    assert (scores[0], scores[-1]) == (0.0, 299.0)
    wide = pd.DataFrame(np.zeros((300, 500)), columns=[column.name for column in columns])
    assert len(golden.rows(narrow.model_copy(update={"features": columns}), wide, many, 20)) == 3


SCORED = scored("binary", [0.9, 0.3, 0.2], ("no", "yes"))
BEFORE = Champion("found", "HEAD^", hashes={MODEL: "m1"})


def test_the_same_model_is_expected_to_agree_completely() -> None:
    comparison = golden.compare(BEFORE, ScoredBaseline("HEAD^", "same"), SCORED)
    assert comparison == ({"agreement": 1.0, "shift": 0.0}, "m1")


def test_nothing_is_expected_without_a_model_before_it() -> None:
    assert golden.compare(Champion("none", ""), ScoredBaseline("", "none"), SCORED) == ({}, "")


def test_another_model_is_named_beside_what_was_measured_against_it() -> None:
    other = ScoredBaseline("HEAD^", "scored", scored("binary", [0.9, 0.6, 0.2], ("no", "yes")))
    assert golden.compare(BEFORE, other, SCORED) == ({"agreement": round(2 / 3, 6), "shift": -0.1}, "m1")


def test_agreement_below_the_floor_of_a_deployment_is_a_warning() -> None:
    (warning,) = golden.below_floor(golden.Comparison({"agreement": 0.471, "shift": 0.1}, "m"), 0.6)
    assert "0.471 on the test rows, below deploy.min_agreement (0.6)" in warning
    assert golden.below_floor(golden.Comparison({"agreement": 0.6, "shift": 0.1}, "m"), 0.6) == []
    assert golden.below_floor(golden.NO_COMPARISON, 0.6) == []
