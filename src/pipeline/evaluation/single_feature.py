"""How well one feature alone gives the target: a likely leak where it is nearly all that a model needs."""

from typing import Any

import numpy as np

from pipeline.core.tasks import Task
from pipeline.evaluation import metrics

Array = np.ndarray[Any, Any]
GROUPS = 50  # into which the training rows' numbers are cut
METRIC = {"binary": "roc_auc", "multiclass": "roc_auc", "regression": "r2"}  # several classes: the best of them


def strength(task: Task, classes: int, train: tuple[Array, Array], test: tuple[Array, Array]) -> float | None:
    """The metric on test rows of the target's mean among the training rows of similar value; None where undefined.

    `train` and `test`: values, numbers or objects of text and None, and encoded target, (rows,) each.
    """
    groups_train, groups_test = _groups(train[0], test[0])
    if task == "regression":
        score = _means(groups_train, train[1], groups_test)
        return _finite(metrics.compute("regression", ["r2"], test[1], score, np.ones((1, len(score))))["r2"])
    positives = [1] if task == "binary" else range(classes)
    areas = []
    for positive in positives:
        score = _means(groups_train, train[1] == positive, groups_test)
        target = (test[1] == positive).astype(float)
        areas.append(
            _finite(metrics.compute("binary", ["roc_auc"], target, score, np.ones((1, len(score))))["roc_auc"])
        )
    return max((area for area in areas if area is not None), default=None)


def _groups(train: Array, test: Array) -> tuple[Array, Array]:
    """The group of each row, (rows,): a category, an interval of training rows' numbers, or the missing ones; -1 for a
    category that no training row has."""
    if train.dtype == object:
        places = {value: place for place, value in enumerate(dict.fromkeys(train.tolist()))}
        train_groups, test_groups = ([places.get(value, -1) for value in values.tolist()] for values in (train, test))
        return np.array(train_groups, dtype=np.int64), np.array(test_groups, dtype=np.int64)
    numbers = train.astype(float)
    present = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, GROUPS + 1)[1:-1])) if len(present) else np.empty(0)
    return _intervals(numbers, edges), _intervals(test.astype(float), edges)


def _intervals(numbers: Array, edges: Array) -> Array:
    return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, side="right"))


def _means(train: Array, target: Array, test: Array) -> Array:
    """The mean target of each test row's group, (rows,); that of all training rows where the group has none."""
    size = int(max(train.max(initial=0), test.max(initial=0))) + 1
    counts, sums = np.bincount(train, minlength=size), np.bincount(train, target.astype(float), minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), target.mean())
    return np.where(test < 0, target.mean(), means[test])


def _finite(value: Array) -> float | None:
    return float(value[0]) if np.isfinite(value[0]) else None
