"""What is true of a model in a stretch of time, computed apart from the monitor.

Its metric over all rows of the stretch, with intervals from resampled days.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

Array = npt.NDArray[Any]
RESAMPLES = 200


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Rows:
    """Rows with their day, target (1.0 for the positive class) and the scores of some models, all (rows,)."""

    day: Array
    target: Array
    scores: tuple[Array, ...]


def roc_auc(target: Array, score: Array) -> float:
    """By ranks (Mann & Whitney 1947)."""
    ranks, positives = rankdata(score), target.sum()
    negatives = len(target) - positives
    return float((ranks[target == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def rmse(target: Array, score: Array) -> float:
    return float(np.sqrt(np.mean((target - score) ** 2)))


METRICS = {"roc_auc": (roc_auc, 1), "rmse": (rmse, -1)}


def figure(rows: Rows, metric: str) -> Interval:
    """The first model's metric."""
    compute, _ = METRICS[metric]
    return _interval(compute(rows.target, rows.scores[0]), [compute(*part[:2]) for part in _resampled(rows)])


def gain(rows: Rows, metric: str) -> Interval:
    """By how much the second model is better than the first on the same rows, resampled together."""
    compute, sign = METRICS[metric]

    def better(target: Array, first: Array, second: Array) -> float:
        return sign * (compute(target, second) - compute(target, first)) + 0.0  # no -0.0

    return _interval(better(rows.target, *rows.scores), [better(*part) for part in _resampled(rows)])


def loss(rows: Rows, tested: Rows, metric: str) -> Interval:
    """By how much the first model is worse on these rows than on those that it was measured on."""
    compute, sign = METRICS[metric]
    here = [compute(*part[:2]) for part in _resampled(rows)]
    there = [compute(*part[:2]) for part in _resampled(tested)]
    value = compute(tested.target, tested.scores[0]) - compute(rows.target, rows.scores[0])
    return _interval(sign * value, [sign * (before - now) for before, now in zip(there, here, strict=True)])


def days(time: "pd.Series[Any]") -> Array:
    """The day of each time."""
    return np.asarray(pd.to_datetime(time).dt.normalize().astype("int64"))


def _resampled(rows: Rows) -> list[tuple[Array, ...]]:
    """Target and scores of resamples of whole days."""
    rng = np.random.default_rng(0)
    parts = [np.flatnonzero(rows.day == day) for day in np.unique(rows.day)]
    drawn = [np.concatenate([parts[i] for i in rng.integers(0, len(parts), len(parts))]) for _ in range(RESAMPLES)]
    return [(rows.target[chosen], *(score[chosen] for score in rows.scores)) for chosen in drawn]


def _interval(value: float, resampled: list[float]) -> Interval:
    low, high = np.nanquantile(resampled, (0.025, 0.975)).tolist()
    return Interval(value, low, high)


def shown(interval: Interval, digits: int, sign: bool = False) -> str:
    """The figure and its interval as text."""
    form = f"{'+' if sign else ''}.{digits}f"
    return f"{interval.value:{form}} ({interval.low:{form}} to {interval.high:{form}})"
