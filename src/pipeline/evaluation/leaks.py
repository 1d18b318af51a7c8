"""Columns that give the target away: what each alone scores on rows that were held out, and what its gaps score."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.core.tasks import Task
from pipeline.data.contract import leaks
from pipeline.data.values.conversion import labels
from pipeline.models.boosting import lightgbm

CELLS = 4_000_000  # rows times columns that are looked at
MAX_ROWS = 20_000
HELD_OUT = 1 / 3
ENOUGH = 10  # held-out rows, of each class where there are two: fewer can't tell
PROVEN, SUSPECT = 0.98, 0.85  # skill (0: a constant's, 1: perfect) from which a column alone is too good
GAPS = 0.5  # skill of missing-or-not, which a real feature seldom has
DOUBT = 2.6  # standard errors by which the skill must be beyond its bound: one clean column in 200
TREES = {
    "num_leaves": 15,
    "learning_rate": 0.3,
    "verbosity": -1,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
}
ROUNDS = 15

Array = np.ndarray[Any, Any]
How = Literal["alone", "missing", "equal", "order", "key"]


@dataclass(frozen=True)
class Leak:
    """A column that gives the target away: how, its skill on held-out rows, and whether that is proven."""

    column: str
    how: How
    skill: float
    proven: bool
    sentence: str


def find(table: pd.DataFrame, target: str, task: Task, columns: Sequence[str], key: str | None = None) -> list[Leak]:
    """The leaks among `columns`, and whether the order of the rows or the key tells the target; worst first.

    Of too few rows only columns that are the target itself are named. The rows looked at are drawn by a fixed seed.
    """
    known = table[table[target].notna()]
    equal = [leak for name in columns for leak in _equal_column(known[name], known[target])]
    columns = [name for name in columns if name not in {leak.column for leak in equal}]
    goal = _goal(known[target], task)
    rng = np.random.default_rng(0)
    rows = min(len(known), MAX_ROWS, max(2000, CELLS // max(1, len(columns))))
    chosen = np.sort(rng.permutation(len(known))[:rows])
    trial = Trial(goal[chosen], task, rng.random(rows) < HELD_OUT)
    if not trial.enough:
        return equal
    sample = known.iloc[chosen]
    found = [*equal, *(leak for name in columns for leak in _of_column(trial, sample[name]))]
    found += _of_order(trial, chosen, "the order of the rows", "order")
    if key is not None:
        found += _of_order(trial, _matrix(sample[key])[0], f"the key {key}", "key")
    return sorted(found, key=lambda leak: (not leak.proven, -leak.skill))


class Trial:
    """The target of some rows, and which of them are held out."""

    def __init__(self, goal: Array, task: Task, held_out: Array) -> None:
        self.goal, self.task, self.test = goal, task, held_out
        self.classes = len(np.unique(goal)) if task != "regression" else 0

    @property
    def enough(self) -> bool:
        tested = self.goal[self.test]
        if self.task == "regression":
            return len(tested) >= ENOUGH and float(np.std(tested)) > 0
        _, counts = np.unique(tested, return_counts=True)
        return self.classes > 1 and len(counts) > 1 and sorted(counts)[-2] >= ENOUGH

    def skill(self, values: Array, *, categorical: bool = False) -> tuple[float, float]:
        """The skill of a model of these values alone on the held-out rows, and its standard error."""
        options: dict[str, Any] = {**TREES, "min_data_in_leaf": max(5, len(values) // 400)}
        options["objective"] = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}[self.task]
        if self.task == "multiclass":
            options["num_class"] = self.classes
        train = ~self.test
        dataset = lightgbm().Dataset(
            values[train].reshape(-1, 1),
            self.goal[train],
            categorical_feature=[0] if categorical else [],
            params=options,
        )
        booster = lightgbm().train(options, dataset, num_boost_round=ROUNDS)
        return self.score(np.asarray(booster.predict(values[self.test].reshape(-1, 1))))

    def score(self, answer: Array) -> tuple[float, float]:
        """The skill of answers to the held-out rows, and its standard error."""
        tested = self.goal[self.test]
        if self.task == "regression":
            return _explained(tested, answer)
        if self.task == "binary":
            return _ranking(tested > 0, answer)
        areas = [(_ranking(tested == one, answer[:, one]), (tested == one).sum()) for one in range(self.classes)]
        weighed = [(area, error, n) for (area, error), n in areas if ENOUGH <= n <= len(tested) - ENOUGH]
        if not weighed:
            return 0.0, 1.0
        return max((area, error) for area, error, _ in weighed) if len(weighed) < 2 else _mean(weighed)


def _mean(weighed: Sequence[tuple[float, float, Any]]) -> tuple[float, float]:
    total = sum(n for *_, n in weighed)
    return float(sum(a * n for a, _, n in weighed) / total), max(error for _, error, _ in weighed)


def _ranking(positive: Array, score: Array) -> tuple[float, float]:
    """2 AUC - 1 and its standard error (Hanley and McNeil 1982)."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return 0.0, 1.0
    ranks = pd.Series(score).rank().to_numpy()
    area = float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (n - 1) * (first - area**2) + (m - 1) * (second - area**2)) / (n * m)
    return float(2 * area - 1), float(2 * math.sqrt(max(variance, 0.0)))


def _explained(target: Array, answer: Array) -> tuple[float, float]:
    """R² and its standard error, from the spread of the rows' shares of the loss."""
    squared, total = (target - answer) ** 2, float(np.mean((target - target.mean()) ** 2))
    return 1 - float(squared.mean()) / total, float(squared.std()) / total / math.sqrt(len(target))


def _equal_column(values: "pd.Series[Any]", target: "pd.Series[Any]") -> Iterator[Leak]:
    if (share := leaks.agreement(values, target)) >= leaks.EQUAL and len(values) >= ENOUGH:
        name, nearly = str(values.name), f"in nearly all rows (agreement {share:.3f} beyond chance)"
        yield Leak(name, "equal", share, True, f"{name} is the target{'' if share == 1 else f' {nearly}'}")


def _of_column(trial: Trial, sample: "pd.Series[Any]") -> Iterator[Leak]:
    name = str(sample.name)
    matrix, categorical = _matrix(sample)
    gaps = np.isnan(matrix)
    if gaps.any() and not gaps.all():
        skill, error = trial.skill(gaps.astype(float))
        if skill - DOUBT * error >= GAPS:
            proven = skill - DOUBT * error >= PROVEN
            yield Leak(
                name,
                "missing",
                skill,
                proven,
                f"{name}: whether it is missing tells the target: {_figure(trial, skill)}",
            )
    if np.all(gaps) or len(np.unique(matrix[~gaps])) < 2:
        return
    skill, error = trial.skill(matrix, categorical=categorical)
    if skill - DOUBT * error >= SUSPECT:
        proven = skill - DOUBT * error >= PROVEN
        yield Leak(name, "alone", skill, proven, f"{name} alone predicts the target: {_figure(trial, skill)}")


def _of_order(trial: Trial, places: Array, what: str, how: How) -> Iterator[Leak]:
    skill, error = trial.skill(np.asarray(places, dtype=float))
    if skill - DOUBT * error >= GAPS:
        yield Leak("", how, skill, False, f"{what} tells the target: {_figure(trial, skill)}")


def _figure(trial: Trial, skill: float) -> str:
    if trial.task == "regression":
        return f"R² {skill:.3f} on {int(trial.test.sum()):,} held-out rows"
    return f"ROC AUC {(1 + skill) / 2:.3f} on {int(trial.test.sum()):,} held-out rows"


def _goal(target: "pd.Series[Any]", task: Task) -> Array:
    if task == "regression":
        return target.to_numpy(dtype=float)
    return np.unique(labels(target).to_numpy(str), return_inverse=True)[1]


def _matrix(values: "pd.Series[Any]") -> tuple[Array, bool]:
    """The values as numbers, NaN where missing, and whether they are codes of categories."""
    if pd.api.types.is_datetime64_any_dtype(values):
        days = (pd.to_datetime(values, utc=True) - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        return days.to_numpy(dtype=float), False
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=float, na_value=np.nan), False
    codes = pd.factorize(labels(values), sort=True)[0].astype(float)
    codes[codes < 0] = np.nan
    return codes, True


def names(leaks: Iterable[Leak], *, proven: bool) -> list[str]:
    """The columns with leaks of that certainty, each once."""
    return list(dict.fromkeys(leak.column for leak in leaks if leak.column and leak.proven == proven))
