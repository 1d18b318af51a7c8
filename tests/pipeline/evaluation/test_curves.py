"""Curves are those of scikit-learn with fewer points, and contain counts but no rows."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve

from pipeline.evaluation import curves
from pipeline.evaluation.scoring import Scored

RNG = np.random.default_rng(0)
SCORE = RNG.random(5000).round(3)
TARGET = (RNG.random(5000) < SCORE).astype(float)


def column(points: curves.Points, name: str) -> np.ndarray:
    return np.array([point[name] for point in points])


def scored(task: Any, target: Any, score: Any, classes: tuple[str, ...] = ()) -> Scored:
    return Scored(task, np.asarray(target, float), np.asarray(score), np.arange(len(target)).astype(str), classes, 0.5)


def test_every_point_of_the_roc_curve_is_one_of_scikit_learns_and_few_points_keep_its_area() -> None:
    points = curves.roc(TARGET, SCORE)
    x, y = column(points, "false_positive_rate"), column(points, "true_positive_rate")
    false, true, _ = sklearn.roc_curve(TARGET, SCORE, drop_intermediate=False)
    assert len(points) <= curves.POINTS + 2
    assert {*zip(x, y, strict=True)} <= {*zip(false, true, strict=True)}
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(sklearn.roc_auc_score(TARGET, SCORE), abs=1e-3)


def test_every_point_of_the_precision_recall_curve_is_one_of_scikit_learns() -> None:
    points = curves.precision_recall(TARGET, SCORE)
    precision, recall, _ = sklearn.precision_recall_curve(TARGET, SCORE)
    assert {(p["recall"], p["precision"]) for p in points} <= {*zip(recall, precision, strict=True)}
    assert points[-1]["recall"] == 1
    assert np.all(np.diff(column(points, "recall")) >= 0)


def test_calibration_agrees_with_scikit_learn_and_leaves_out_empty_bins() -> None:
    points = curves.calibration(TARGET, SCORE / 2, 10)
    observed, predicted = calibration_curve(TARGET, SCORE / 2, n_bins=10)
    np.testing.assert_allclose(column(points, "observed"), observed)
    np.testing.assert_allclose(column(points, "predicted"), predicted)
    assert column(points, "rows").sum() == 5000
    assert len(points) == 5


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_one_class_has_no_roc_curve(only: float) -> None:
    assert curves.roc(np.full(5, only), np.linspace(0, 1, 5)) == []


def test_a_binary_model_has_four_curves_and_its_histogram_counts_every_row_once() -> None:
    points_by_curve = curves.draw(scored("binary", TARGET, SCORE), 10)
    assert set(points_by_curve) == {"roc", "precision_recall", "calibration", "score_histogram"}
    bars = points_by_curve["score_histogram"]
    for name, label in (("negatives", 0), ("positives", 1)):
        assert column(bars, name).tolist() == np.histogram(SCORE[label == TARGET], bins=20, range=(0, 1))[0].tolist()
    assert column(bars, "rows").tolist() == (column(bars, "negatives") + column(bars, "positives")).tolist()
    assert bars[0]["score"] == pytest.approx(0.025)


def test_several_classes_are_drawn_each_against_the_rest() -> None:
    score = RNG.dirichlet(np.ones(3), 400)
    target = np.array([RNG.choice(3, p=row) for row in score])
    points_by_curve = curves.draw(scored("multiclass", target, score, ("a", "b", "c")), 10)
    assert set(points_by_curve) == {"roc", "precision_recall", "calibration", "score_histogram", "confusion"}
    second = [point for point in points_by_curve["roc"] if point["class"] == "b"]
    area = np.trapezoid(column(second, "true_positive_rate"), column(second, "false_positive_rate"))
    assert area == pytest.approx(sklearn.roc_auc_score(target == 1, score[:, 1]), abs=0.01)
    matrix = sklearn.confusion_matrix(target, score.argmax(axis=1))
    assert {(p["actual"], p["predicted"]): p["rows"] for p in points_by_curve["confusion"]}[("a", "c")] == matrix[0, 2]
    assert sum(bar["right"] + bar["wrong"] for bar in points_by_curve["score_histogram"]) == 400
    assert column(points_by_curve["score_histogram"], "rows").sum() == 400


def test_a_class_that_the_test_rows_lack_is_left_out_of_the_ranking_curves() -> None:
    points_by_curve = curves.draw(scored("multiclass", [0, 1, 0], [[0.8, 0.1, 0.1]] * 3, ("a", "b", "c")), 10)
    assert {point["class"] for point in points_by_curve["roc"]} == {"a", "b"}


def test_a_regression_has_residuals_and_means_by_prediction() -> None:
    score = RNG.normal(size=1000)
    target = score + RNG.normal(size=1000)
    target[0] = 1e9  # one extreme value must not squeeze the others into one bar
    points_by_curve = curves.draw(scored("regression", target, score), 5)
    assert set(points_by_curve) == {"calibration", "residuals", "score_histogram"}
    assert column(points_by_curve["residuals"], "rows").sum() == 1000
    assert (column(points_by_curve["residuals"], "rows") > 0).sum() > 15
    assert column(points_by_curve["calibration"], "rows").tolist() == [200] * 5
    assert np.all(np.diff(column(points_by_curve["calibration"], "predicted")) > 0)


def test_a_constant_prediction_can_be_drawn() -> None:
    points_by_curve = curves.draw(scored("regression", [1.0, 2.0], [3.0, 3.0]), 5)
    assert points_by_curve["calibration"] == [{"predicted": 3.0, "observed": 1.5, "rows": 2}]
    assert column(points_by_curve["score_histogram"], "rows").sum() == 2
