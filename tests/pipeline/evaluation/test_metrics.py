"""Every metric agrees with scikit-learn, also with weights of zero and above one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from pipeline.core.tasks import METRICS
from pipeline.evaluation import metrics

THRESHOLD, QUANTILE, BINS = 0.4, 0.8, 5


def ours(task: Any, target: Any, score: Any, weights: Any) -> dict[str, float]:
    names = list(METRICS[task])
    target, score, weights = np.asarray(target, float), np.asarray(score, float), np.asarray([weights])
    figures = metrics.compute(task, names, target, score, weights, threshold=THRESHOLD, quantile=QUANTILE, bins=BINS)
    return {name: float(values[0]) for name, values in figures.items()}


def expected_calibration_error(target: Any, score: Any, weights: Any) -> float:
    """By its definition, bin by bin."""
    total, edges = 0.0, np.linspace(0, 1, BINS + 1)
    for place in range(BINS):
        inside = ((score > edges[place]) | (place == 0)) & (score <= edges[place + 1])
        weight = weights[inside].sum()
        if weight > 0:
            observed, predicted = (np.average(values[inside], weights=weights[inside]) for values in (target, score))
            total += weight * abs(observed - predicted)
    return float(total / weights.sum())


def theirs_binary(target: Any, score: Any, weights: Any) -> dict[str, float]:
    predicted, options = score >= THRESHOLD, {"sample_weight": weights}
    return {
        "roc_auc": sklearn.roc_auc_score(target, score, **options),
        "average_precision": sklearn.average_precision_score(target, score, **options),
        "log_loss": sklearn.log_loss(target, score, labels=[0, 1], **options),
        "brier_score": sklearn.brier_score_loss(target, score, **options),
        "calibration_error": expected_calibration_error(target, score, weights),
        "f1": sklearn.f1_score(target, predicted, zero_division=0, **options),
        "precision": sklearn.precision_score(target, predicted, zero_division=0, **options),
        "recall": sklearn.recall_score(target, predicted, **options),
    }


def theirs_multiclass(target: Any, score: Any, weights: Any) -> dict[str, float]:
    predicted, options = score.argmax(axis=1), {"sample_weight": weights}
    return {
        "log_loss": sklearn.log_loss(target, score, labels=range(score.shape[1]), **options),
        "macro_f1": sklearn.f1_score(target, predicted, average="macro", zero_division=0, **options),
        "balanced_accuracy": sklearn.balanced_accuracy_score(target, predicted, **options),
        "accuracy": sklearn.accuracy_score(target, predicted, **options),
    }


def theirs_regression(target: Any, score: Any, weights: Any) -> dict[str, float]:
    options = {"sample_weight": weights}
    return {
        "rmse": sklearn.root_mean_squared_error(target, score, **options),
        "mae": sklearn.mean_absolute_error(target, score, **options),
        "r2": sklearn.r2_score(target, score, **options),
        "pinball_loss": sklearn.mean_pinball_loss(target, score, alpha=QUANTILE, **options),
        "mape": sklearn.mean_absolute_percentage_error(target, score, **options),
    }


# Few distinct scores, so that most are tied; weights as in a bootstrap and as in a survey.
SCORES = st.sampled_from([0.0, 0.1, 0.2, 0.35, 0.4, 0.6, 0.61, 0.999, 1.0])
WEIGHTS = st.one_of(st.integers(1, 4), st.floats(0.1, 3))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), SCORES, WEIGHTS), min_size=2, max_size=30))
def test_binary_metrics_agree_with_scikit_learn_also_with_ties(rows: list[Any]) -> None:
    target, score, weights = map(np.array, zip(*rows, (0, 0.4, 1), (1, 0.4, 1), strict=True))
    assert ours("binary", target, score, weights) == pytest.approx(theirs_binary(target, score, weights), abs=1e-9)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(1, 9), WEIGHTS), min_size=2, max_size=30))
def test_multiclass_metrics_agree_with_scikit_learn(rows: list[Any]) -> None:
    target, first, second, weights = map(np.array, zip(*rows, (0, 1, 1, 1), (1, 2, 1, 1), strict=True))
    score = np.column_stack([first, second, np.full(len(first), 5)])
    score = score / score.sum(axis=1, keepdims=True)
    actual, expected = ours("multiclass", target, score, weights), theirs_multiclass(target, score, weights)
    assert actual == pytest.approx(expected, abs=1e-9)


NUMBERS = st.floats(0.5, 100)
POWERS = {"poisson_deviance": 1, "gamma_deviance": 2, "tweedie_deviance": 1.5}


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, WEIGHTS), min_size=2, max_size=30))
def test_regression_metrics_agree_with_scikit_learn(rows: list[Any]) -> None:
    target, score, weights = map(np.array, zip(*rows, (1.0, 2.0, 1), (90.0, 80.0, 1), strict=True))
    actual, expected = ours("regression", target, score, weights), theirs_regression(target, score, weights)
    assert actual == pytest.approx(expected, rel=1e-7, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, WEIGHTS), min_size=2, max_size=30), st.sampled_from(sorted(POWERS)))
def test_deviances_agree_with_scikit_learn(rows: list[Any], name: str) -> None:
    target, score, weights = map(np.array, zip(*rows, strict=True))
    if name != "gamma_deviance":
        target[0] = 0.0
    found = metrics.compute("regression", [name], target, score, weights[None])[name][0]
    expected = sklearn.mean_tweedie_deviance(target, score, sample_weight=weights, power=POWERS[name])
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", sorted(POWERS))
def test_a_deviance_is_undefined_below_zero_and_finite_for_a_prediction_rounded_to_zero(name: str) -> None:
    def of(target: float, score: float) -> float:
        return float(
            metrics.compute("regression", [name], np.array([target]), np.array([score]), np.ones((1, 1)))[name][0]
        )

    assert np.isnan([of(1.0, -0.1), of(-1.0, 1.0)]).all()
    assert np.isfinite(of(1.0, 0.0))


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_rows_that_count_zero_or_twice_are_rows_left_out_or_repeated(task: Any) -> None:
    rng = np.random.default_rng(0)
    score = rng.dirichlet(np.ones(4), 300) if task == "multiclass" else rng.random(300).round(1)
    target = {"binary": rng.integers(0, 2, 300), "multiclass": rng.integers(0, 4, 300), "regression": score + 1}[task]
    counts = rng.poisson(1, 300)
    counts[target == 3] = 0  # a class that the resample lacks
    repeated = ours(task, np.repeat(target, counts), np.repeat(score, counts, axis=0), np.ones(counts.sum()))
    assert ours(task, target, score, counts) == pytest.approx(repeated, nan_ok=True)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_many_resamples_in_blocks_equal_each_one_computed_separately(
    task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    score = rng.dirichlet(np.ones(4), 500) if task == "multiclass" else rng.random(500)
    target = {"binary": rng.integers(0, 2, 500), "multiclass": rng.integers(0, 4, 500), "regression": score + 1}[task]
    weights = rng.poisson(1, (7, 500)).astype(np.uint8)
    separate = [ours(task, target, score, row) for row in weights]
    monkeypatch.setattr(metrics, "BLOCK", 1)
    monkeypatch.setattr(metrics, "CELLS", 1200)
    together = metrics.compute(
        task, list(METRICS[task]), target, score, weights, threshold=THRESHOLD, quantile=QUANTILE, bins=BINS
    )
    for i, expected in enumerate(separate):
        assert {name: values[i] for name, values in together.items()} == pytest.approx(expected)


@pytest.mark.parametrize("only", [0, 1])
def test_with_one_class_only_metrics_that_need_two_are_undefined(only: int) -> None:
    figures = ours("binary", np.full(4, only), [0.1, 0.5, 0.5, 0.9], np.ones(4))
    undefined = {name for name, value in figures.items() if np.isnan(value)}
    assert undefined == ({"roc_auc"} if only else {"roc_auc", "average_precision", "f1", "precision", "recall"})


def test_a_resample_without_rows_is_undefined_throughout() -> None:
    assert all(np.isnan(value) for value in ours("binary", [0, 1], [0.2, 0.7], [0, 0]).values())


def test_nothing_predicted_positive_is_a_precision_of_zero_as_in_scikit_learn() -> None:
    figures = ours("binary", [0, 1], [0.1, 0.2], [1, 1])
    assert (figures["precision"], figures["recall"], figures["f1"]) == (0, 0, 0)


def test_without_a_threshold_decisions_are_undefined() -> None:
    figures = metrics.compute("binary", ["f1", "brier_score"], np.array([0, 1]), np.array([0.1, 0.9]), np.ones((1, 2)))
    assert np.isnan(figures["f1"][0])
    assert figures["brier_score"][0] == pytest.approx(0.01)


def test_a_target_of_zero_has_no_percentage_error_and_a_constant_one_no_r2() -> None:
    assert np.isnan(ours("regression", [0.0, 1.0], [1.0, 1.0], [1, 1])["mape"])
    assert np.isnan(ours("regression", [0.3, 0.3, 0.3], [0.3, 0.3, 0.4], [1, 1, 1])["r2"])


def test_r2_keeps_its_precision_far_from_zero() -> None:
    rng = np.random.default_rng(2)
    target = 1e8 + rng.normal(size=1000)
    score = target + rng.normal(size=1000)
    assert ours("regression", target, score, np.ones(1000))["r2"] == pytest.approx(
        sklearn.r2_score(target, score), rel=1e-6
    )


def test_a_probability_of_zero_for_the_actual_class_is_a_finite_loss() -> None:
    assert ours("binary", [1, 0], [0.0, 0.0], [1, 1])["log_loss"] == pytest.approx(
        sklearn.log_loss([1, 0], [0.0, 0.0], labels=[0, 1])
    )
