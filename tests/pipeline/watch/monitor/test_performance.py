"""The loss against the test rows, for every task, with its uncertainty."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.scoring import Scored
from pipeline.watch.monitor.performance import Performance
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
