"""The loss against the test rows, for every task, with its uncertainty."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.scoring import Scored
from pipeline.watch.monitor.blocks import Blocks
from pipeline.watch.monitor.performance import Performance
from pipeline.watch.monitor.window_spread import WindowSpread, deviation, level_shift
from tests.pipeline.watch.monitor.factories import outcomes, signature

ROWS = 400


def binary(sharp: float, seed: int) -> tuple[Scored, pd.DataFrame, "pd.Series[Any]"]:
    target, score = outcomes(ROWS, seed, sharp)
    answers = pd.DataFrame({"score": score, "label": "0"})
    return (
        Scored("binary", target, score, np.arange(ROWS), ("0", "1"), 0.5),
        answers,
        pd.Series(target.astype(int).astype(str)),
    )


def multiclass(sharp: float, seed: int) -> tuple[Scored, pd.DataFrame, "pd.Series[Any]"]:
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, ROWS)
    raw = np.exp(sharp * np.eye(3)[target] + rng.normal(0, 1, (ROWS, 3)))
    score, names = raw / raw.sum(axis=1, keepdims=True), np.array(["a", "b", "c"], dtype=object)
    answers = pd.DataFrame({"score": score.max(axis=1), "label": names[score.argmax(axis=1)]})
    return (
        Scored("multiclass", target.astype(float), score, np.arange(ROWS), ("a", "b", "c")),
        answers,
        pd.Series(names[target]),
    )


def regression(sharp: float, seed: int) -> tuple[Scored, pd.DataFrame, "pd.Series[Any]"]:
    rng = np.random.default_rng(seed)
    target = rng.normal(0, 3, ROWS)
    score = target + rng.normal(0, 4 / (1 + sharp), ROWS)
    return Scored("regression", target, score, np.arange(ROWS)), pd.DataFrame({"score": score}), pd.Series(target)


TASKS = {"binary": (binary, "roc_auc"), "multiclass": (multiclass, "macro_f1"), "regression": (regression, "rmse")}


def performance(task: str, tested: Scored, metric: str) -> Performance:
    model = signature().model_copy(update={"task": task, "classes": tested.classes})
    return Performance(tested, model, metric, 300, 0.05)


@pytest.mark.parametrize("task", TASKS)
def test_a_worse_model_loses_beyond_chance_and_an_equal_one_does_not(task: str) -> None:
    make, metric = TASKS[task]
    judge = performance(task, make(2.0, 0)[0], metric)
    worse, equal = (judge.loss(*make(sharp, 1)[1:]) for sharp in (0.3, 2.0))
    assert worse is not None
    assert equal is not None
    assert 0 < worse.lower_limit < worse.loss
    assert equal.lower_limit < 0.02
    assert equal.tested == worse.tested


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_rows_of_a_class_unknown_to_the_model_are_left_out(task: str) -> None:
    make, metric = TASKS[task]
    tested, answers, truth = make(2.0, 0)
    judge = performance(task, tested, metric)
    without_new = judge.loss(answers, truth.iloc[:300])
    with_new = judge.loss(answers, pd.concat([truth.iloc[:300], truth.iloc[300:].map(lambda _: "new")]))
    assert without_new is not None
    assert without_new == with_new


@pytest.mark.parametrize("metric", ["rmse", "r2", "mae"])
def test_labels_whose_squares_overflow_are_a_loss(metric: str) -> None:
    tested, answers, truth = regression(2.0, 0)
    loss = performance("regression", tested, metric).loss(
        answers, truth * np.where(np.arange(len(truth)) % 9, 1, 1e200)
    )
    assert loss is not None
    assert loss.lower_limit > 0
    assert np.isfinite([loss.window, loss.loss]).all()


def test_log_loss_of_several_classes_is_judged_by_accuracy() -> None:
    assert performance("multiclass", multiclass(2.0, 0)[0], "log_loss").metric == "accuracy"


def test_windows_without_a_loss_are_beyond_chance_at_the_configured_rate() -> None:
    losses = []
    for seed in range(80):
        judge = performance("binary", binary(2.0, 1000 + seed)[0], "roc_auc")
        loss = judge.loss(*binary(2.0, seed)[1:])
        assert loss is not None
        losses.append(loss.lower_limit > 0)
    assert sum(losses) <= 10


def by_day(days: int, spread: float, seed: int = 0, rows: int = 100) -> tuple[Scored, Blocks]:
    """Test rows of several days; the days' scores are shifted against each other, which a day's own ROC AUC ignores."""
    rng = np.random.default_rng(seed)
    target, score = outcomes(days * rows, seed)
    shift = np.repeat(rng.normal(0, spread, days), rows)
    shifted = 1 / (1 + np.exp(-(np.log(score / (1 - score)) + shift)))
    places = np.repeat(np.arange(days), rows)
    return Scored("binary", target, shifted, np.arange(len(target)), ("0", "1"), 0.5), Blocks(places, places)


def test_a_day_is_compared_with_days_not_with_the_pooled_rows_of_a_month() -> None:
    tested, days = by_day(30, spread=2.0)
    _, answers, truth = binary(2.0, 1)
    pooled, daily = (
        Performance(tested, signature(), "roc_auc", 300, 0.05, blocks).loss(answers, truth) for blocks in (None, days)
    )
    assert pooled is not None
    assert daily is not None
    assert pooled.loss < -0.1  # the pooled figure is worse, as it compares rows of different days
    assert abs(daily.loss) < 0.05


def test_days_that_differ_make_a_window_less_certain_than_its_rows_say() -> None:
    rng = np.random.default_rng(0)
    target = (rng.random(3000) < 0.4).astype(float)
    sharp = np.repeat(rng.uniform(0.5, 3.5, 30), 100)
    score = 1 / (1 + np.exp(-(sharp * (target - 0.5) + rng.normal(0, 1, 3000))))
    tested = Scored("binary", target, score, np.arange(3000), ("0", "1"), 0.5)
    places = np.repeat(np.arange(30), 100)
    _, answers, truth = binary(2.0, 1)
    rows, days = (
        Performance(tested, signature(), "roc_auc", 300, 0.05, blocks).loss(answers, truth)
        for blocks in (None, Blocks(places, places))
    )
    assert rows is not None
    assert days is not None
    assert days.error > 2 * rows.error


def test_few_windows_of_the_test_rows_are_resampled_by_days() -> None:
    tested, days = by_day(30, spread=0.0)
    months = Blocks(days.days // 10, days.days)
    answers = pd.DataFrame({"score": tested.score, "label": "0"}).assign(
        time=pd.Timestamp("2024-05-01", tz="UTC") + pd.to_timedelta(days.days, unit="D")
    )
    truth = pd.Series(tested.target.astype(int).astype(str))
    loss = Performance(tested, signature(), "roc_auc", 300, 0.05, months).loss(answers, truth)
    assert loss is not None
    assert abs(loss.loss) < 0.01
    assert 0.003 < loss.error < 0.03


def test_a_window_with_fewer_labels_than_a_usual_one_is_less_certain() -> None:
    spread = WindowSpread(mean=0.8, spread=0.02, count=30, rows=400)
    few, usual = spread.errors(100, 0.01)[0], spread.errors(400, 0.01)[0]
    assert few == pytest.approx(2 * usual)
    assert spread.errors(4000, 0.01)[0] == usual
    assert usual > 0.02


def test_a_shift_of_the_level_within_the_test_rows_does_not_widen_the_error_of_a_window() -> None:
    rng = np.random.default_rng(0)
    steady = rng.normal(0.7, 0.02, 48)
    shifted = steady - np.where(np.arange(48) < 17, 0, 0.2)
    assert level_shift(steady) is None
    assert level_shift(shifted) == 17
    assert shifted.std() > 0.08
    assert np.isclose(deviation(shifted), deviation(steady), rtol=0.1)
