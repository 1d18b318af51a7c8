"""Columns that give the target away: what each alone scores on rows that were held out, and what its gaps score."""

import math
from collections.abc import Iterator, Sequence
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
CERTAIN = 50  # held-out rows (of each class) with which a column can be proven: fewer can look perfect by chance
HINT, GROUPS = 0.5, 50  # skill of the target's mean in groups of rows from which a model is trained
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


@dataclass(frozen=True)
class Apart:
    """The columns by which rows are held out as the split does: the newest, or all of some groups; else at random."""

    time: str | None = None
    group: str | None = None


BY_ROW = Apart()


def find(
    table: pd.DataFrame,
    target: str,
    task: Task,
    columns: Sequence[str],
    key: str | None = None,
    apart: Apart = BY_ROW,
) -> list[Leak]:
    """The leaks among `columns`, and whether the order of the rows or the key tells the target; worst first.

    Of too few rows only columns that are the target itself are named. The rows looked at are drawn by a fixed seed.
    """
    known = table[table[target].notna()]
    equal = [leak for name in columns for leak in _equal_column(known[name], known[target])]
    columns = [name for name in columns if name not in {leak.column for leak in equal}]
    trial, chosen = _trial(known, target, task, len(columns), apart)
    if not trial.enough:
        return equal
    sample = known.iloc[chosen]
    found = [*equal, *(leak for name in columns for leak in _of_column(trial, sample[name]))]
    found += _of_order(trial, chosen, "the order of the rows", "order")
    if key is not None:
        found += _of_order(trial, _matrix(sample[key])[0], f"the key {key}", "key")
    return sorted(found, key=lambda leak: (not leak.proven, -leak.skill))


def proven(table: pd.DataFrame, target: str, task: Task, columns: Sequence[str], apart: Apart = BY_ROW) -> list[Leak]:
    """The columns that `find` proves to give the target away, beside those that are the target; in their order."""
    known = table[table[target].notna()]
    trial, chosen = _trial(known, target, task, len(columns), apart)
    if not trial.certain:
        return []
    sample = known.iloc[chosen]
    found = dict[str, Leak]()
    for leak in (leak for name in columns for leak in _of_column(trial, sample[name]) if leak.proven):
        found.setdefault(leak.column, leak)
    return list(found.values())


def _trial(table: pd.DataFrame, target: str, task: Task, columns: int, apart: Apart) -> tuple["Trial", Array]:
    """Rows to look at, by their places: as many as so many columns allow."""
    rng = np.random.default_rng(0)
    rows = min(len(table), MAX_ROWS, max(2000, CELLS // max(1, columns)))
    chosen = np.sort(rng.permutation(len(table))[:rows])
    return Trial(_goal(table[target], task)[chosen], task, _held_out(table.iloc[chosen], apart, rng)), chosen


def _held_out(rows: pd.DataFrame, apart: Apart, rng: np.random.Generator) -> Array:
    """Which rows (rows,) no model sees."""
    if apart.time is not None:
        moments, _ = _matrix(rows[apart.time])
        return np.asarray(moments > np.nanquantile(moments, 1 - HELD_OUT))
    if apart.group is not None:
        codes = pd.factorize(labels(rows[apart.group]))[0]
        return (rng.random(int(codes.max(initial=0)) + 2) < HELD_OUT)[codes]
    return rng.random(len(rows)) < HELD_OUT


class Trial:
    """The target of some rows, and which of them are held out."""

    def __init__(self, goal: Array, task: Task, held_out: Array) -> None:
        self.goal, self.task, self.test = goal, task, held_out
        self.classes = len(np.unique(goal)) if task != "regression" else 0

    @property
    def enough(self) -> bool:
        return self._has(ENOUGH)

    @property
    def certain(self) -> bool:
        return self._has(CERTAIN)

    def _has(self, rows: int) -> bool:
        """Whether so many rows are held out, of each class where there are two (of two where there are more)."""
        tested = self.goal[self.test]
        if self.task == "regression":
            return len(tested) >= rows and float(np.std(tested)) > 0
        _, counts = np.unique(tested, return_counts=True)
        return self.classes > 1 and len(counts) > 1 and sorted(counts)[-2] >= rows

    def is_proven(self, skill: float, error: float) -> bool:
        """Whether a column of this skill gives the target away beyond doubt."""
        return self.certain and skill - DOUBT * error >= PROVEN

    def skill_of_groups(self, groups: Array) -> tuple[float, float]:
        """The skill of the target's mean among the other rows of the same group, (rows,), and its standard error."""
        train = ~self.test
        size = int(groups.max(initial=0)) + 1
        counts = np.bincount(groups[train], minlength=size)

        def means(goal: Array) -> Array:
            sums = np.bincount(groups[train], goal[train].astype(float), minlength=size)
            return np.where(counts > 0, sums / np.maximum(counts, 1), goal[train].mean())[groups[self.test]]

        if self.task == "multiclass":
            return self.score(np.column_stack([means(self.goal == one) for one in range(self.classes)]))
        return self.score(means(self.goal))

    def skill_of_gaps(self, gaps: Array) -> tuple[float, float]:
        """How well missing-or-not (rows,) tells the classes, or the tenths of a number, with more gaps from the others.

        Which those are is learnt from the rows that are not held out. Of two classes this is the target itself.
        """
        train, parts = ~self.test, self.goal
        if self.task == "regression":
            tenths = np.quantile(self.goal[train], np.linspace(0, 1, 11)[1:-1])
            parts = np.searchsorted(tenths, self.goal, side="right")
        counts = np.bincount(parts[train], minlength=int(parts.max()) + 1)
        rates = np.bincount(parts[train], gaps[train].astype(float), minlength=len(counts)) / np.maximum(counts, 1)
        often = (rates > gaps[train].mean())[parts][self.test]
        if not ENOUGH <= often.sum() <= len(often) - ENOUGH:
            return 0.0, 1.0
        return _ranking(often, gaps[self.test])

    def hint(self, values: Array, *, categorical: bool = False) -> float:
        """The skill of groups of similar values; where the target is a number, for its size or its rank."""
        groups = _groups(values, categorical)
        skill = self.skill_of_groups(groups)[0]
        if self.task != "regression":
            return skill
        ranks = Trial(pd.Series(self.goal).rank().to_numpy(), self.task, self.test)
        return max(skill, ranks.skill_of_groups(groups)[0])

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
    """The leaks of a column. A model is trained only where groups of rows tell much: a clean table costs little."""
    name = str(sample.name)
    matrix, categorical = _matrix(sample)
    gaps = np.isnan(matrix)
    if gaps.any() and not gaps.all():
        yield from _of_gaps(trial, name, gaps)
    if np.all(gaps) or len(np.unique(matrix[~gaps])) < 2:
        return
    if trial.hint(matrix, categorical=categorical) < HINT:
        return
    skill, error = trial.skill(matrix, categorical=categorical)
    if skill - DOUBT * error >= SUSPECT:
        sentence = f"{name} alone predicts the target: {_figure(trial, skill)}"
        yield Leak(name, "alone", skill, trial.is_proven(skill, error), sentence)


def _of_gaps(trial: Trial, name: str, gaps: Array) -> Iterator[Leak]:
    """A gap tells one bit: proven only where that is the whole target, named also where it is a part of it."""
    skill, error = trial.skill_of_groups(gaps.astype(np.int64))
    if skill - DOUBT * error >= GAPS:
        sentence = f"{name}: whether it is missing tells the target: {_figure(trial, skill)}"
        yield Leak(name, "missing", skill, trial.is_proven(skill, error), sentence)
        return
    skill, error = trial.skill_of_gaps(gaps)
    if skill - DOUBT * error >= GAPS:
        told = "two ranges of the target" if trial.task == "regression" else "two groups of classes"
        area = f"ROC AUC {(1 + skill) / 2:.3f} on {int(trial.test.sum()):,} held-out rows"
        yield Leak(name, "missing", skill, False, f"{name}: whether it is missing tells {told} apart: {area}")


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


def _groups(values: Array, categorical: bool) -> Array:
    """The group of each row, (rows,): rows of one category or of similar numbers, those without any by themselves."""
    present = values[~np.isnan(values)]
    edges = np.unique(present)[1:]
    if len(edges) > GROUPS and not categorical:
        edges = np.unique(np.quantile(present, np.linspace(0, 1, GROUPS + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))


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
