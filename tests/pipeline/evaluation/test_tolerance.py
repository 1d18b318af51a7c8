"""What is tolerated means the same in every unit, and stays above what another seed changes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from pipeline.core.params import Tolerance
from pipeline.evaluation import point
from pipeline.evaluation.rare_classes import too_rare
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.tolerance import allowed, constant

USUAL = Tolerance(score=0.005, of_loss=0.02)


def prices(noise: float, unit: float = 1.0) -> Scored:
    rng = np.random.default_rng(0)
    target = rng.lognormal(12, 1, 500)
    keys = np.arange(500).astype(str)
    return Scored("regression", unit * target, unit * target * np.exp(rng.normal(0, noise, 500)), keys, quantile=0.8)


def tolerated(scored: Scored, metric: str, tolerance: Tolerance = USUAL) -> float:
    return allowed(tolerance, metric, scored, constant(scored, metric)).value


@pytest.mark.parametrize("metric", ["rmse", "mae", "pinball_loss"])
def test_an_error_of_prices_in_millions_is_tolerated_as_that_in_dollars(metric: str) -> None:
    dollars, millions = tolerated(prices(0.3), metric), tolerated(prices(0.3, 1e-6), metric)
    assert millions == pytest.approx(1e-6 * dollars)
    assert dollars == pytest.approx(0.02 * point.figures(prices(0.3), [metric])[metric])


def test_of_a_model_that_is_nearly_perfect_a_share_of_the_constant_prediction_counts() -> None:
    scored = prices(0.001)
    limit = allowed(USUAL, "rmse", scored, constant(scored, "rmse"))
    assert limit.value == pytest.approx(0.005 * scored.target.std())
    assert limit.share == "0.5 % of one constant prediction’s RMSE"


def test_r2_is_tolerated_as_its_squared_error() -> None:
    scored = prices(1.0)
    squared = (scored.target - scored.score) ** 2
    assert tolerated(scored, "r2") * scored.target.var() == pytest.approx(0.02 * squared.mean())


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "mape", "calibration_error", "macro_f1"])
def test_a_score_and_a_relative_error_are_tolerated_in_their_own_unit(metric: str) -> None:
    assert tolerated(prices(0.3), metric) == 0.005


def test_log_loss_takes_less_of_the_constant_prediction_where_params_do_not_say() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 400).astype(float)
    scored = Scored("binary", target, np.where(target > 0, 0.9999, 0.0001), np.arange(400).astype(str), ("0", "1"))
    worst = point.figures(constant(scored, "log_loss"), ["log_loss"])["log_loss"]
    assert tolerated(scored, "log_loss") == pytest.approx(0.003 * worst)
    assert tolerated(scored, "log_loss", Tolerance(of_loss=0.02, of_constant=0.01)) == pytest.approx(0.01 * worst)


@pytest.mark.parametrize(
    ("metric", "dummy"),
    [
        ("rmse", DummyRegressor(strategy="mean")),
        ("mae", DummyRegressor(strategy="median")),
        ("pinball_loss", DummyRegressor(strategy="quantile", quantile=0.8)),
    ],
)
def test_the_constant_prediction_is_that_of_scikit_learn(metric: str, dummy: Any) -> None:
    scored = prices(0.3)
    expected = dummy.fit(np.zeros((500, 1)), scored.target).predict(np.zeros((500, 1)))
    np.testing.assert_allclose(constant(scored, metric).score, expected)


def test_the_constant_prediction_of_several_classes_is_their_shares() -> None:
    target = np.repeat([0.0, 1.0, 2.0], [10, 30, 60])
    scored = Scored("multiclass", target, np.eye(3)[target.astype(int)], target.astype(str), ("a", "b", "c"))
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((100, 1)), target)
    np.testing.assert_allclose(constant(scored, "log_loss").score, dummy.predict_proba(np.zeros((100, 1))))


def test_a_slice_is_held_to_the_constant_prediction_for_all_rows() -> None:
    """Its own constant could be nearly perfect there, and another seed would be beyond a share of it."""
    scored = prices(0.3)
    alike = np.argsort(scored.target)[:50]
    rows, same_for_all = scored.rows(alike), constant(scored, "rmse").rows(alike)
    tolerance = Tolerance(of_loss=0.0, of_constant=0.01)
    error = scored.target.mean() - rows.target
    assert allowed(tolerance, "rmse", rows, same_for_all).value == pytest.approx(0.01 * np.sqrt((error**2).mean()))


def test_a_class_with_few_rows_is_named() -> None:
    target = np.repeat([0.0, 1.0], [50, 19])
    scored = Scored("multiclass", target, np.eye(3)[target.astype(int)], target.astype(str), ("a", "b", "c"))
    assert too_rare(scored, "macro_f1") == "Macro F1 needs 20 rows of each class, and class c has 0"
    assert too_rare(replace(scored, classes=("a", "b")), "macro_f1").endswith("class b has 19")
    assert too_rare(scored, "log_loss") == ""
