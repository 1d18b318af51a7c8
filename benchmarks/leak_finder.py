"""How often the leak finder of `pipeline adopt` is wrong: on planted leaks of known strength, and on clean columns."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.adopt import leaks
from pipeline.core.tasks import Task

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
ROWS = (300, 2000)
TABLES, CLEAN = 20, 10  # tables of each kind, and clean columns of a table
STRENGTHS = (0.8, 0.9, 0.95, 0.99, 1.0)  # share of rows in which the planted column, or its gap, tells the target


def main() -> None:
    """Print the share of clean columns that are named, and of planted ones that are found."""
    print("## Leaks\n")
    print("| task | rows | clean columns named |", *(f" {strength:.0%} |" for strength in STRENGTHS), sep="")
    print("| --- | ---: | ---: |", *(" ---: |" for _ in STRENGTHS), sep="")
    for task in TASKS:
        for rows in ROWS:
            named, columns = _alarms(task, rows)
            found = [_found(task, rows, strength) for strength in STRENGTHS]
            shares = "".join(f" {value:.0%} |" for value in found)
            print(f"| {task} | {rows:,} | {named} of {columns:,} |{shares}", flush=True)


def _alarms(task: Task, rows: int) -> tuple[int, int]:
    """Clean columns that are named, and how many there were."""
    named = 0
    for seed in range(TABLES):
        table = clean(task, rows, seed)
        columns = [name for name in table.columns if name != "target"]
        named += len({leak.column for leak in leaks.find(table, "target", task, columns)})
    return named, TABLES * CLEAN


def _found(task: Task, rows: int, strength: float) -> float:
    """The share of tables in which a planted column is named."""
    found = 0
    for seed in range(TABLES):
        table = clean(task, rows, 1000 + seed)
        table["planted"] = planted(table["target"], strength, np.random.default_rng(seed))
        found += any(leak.column == "planted" for leak in leaks.find(table, "target", task, ["planted"]))
    return found / TABLES


def clean(task: Task, rows: int, seed: int) -> pd.DataFrame:
    """A table whose target depends on several honest columns; some are useless, some have gaps."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({f"x{place}": rng.normal(size=rows) for place in range(CLEAN - 2)})
    table["town"] = rng.choice(["a", "b", "c", "d"], rows)
    table["flag"] = rng.random(rows) < 0.3
    signal = table["x0"] + 0.7 * table["x1"] + 0.5 * (table["town"] == "a") + rng.normal(0, 0.7, rows)
    table["x2"] = table["x2"].where(rng.random(rows) < 0.8)
    target: Any = {
        "binary": (signal > 1).astype(int),
        "multiclass": pd.cut(signal, [-np.inf, -0.5, 1, np.inf], labels=["low", "mid", "high"]).astype(str),
        "regression": signal,
    }[task]
    return table.assign(target=target)


def planted(target: "pd.Series[Any]", strength: float, rng: np.random.Generator) -> "pd.Series[Any]":
    """The target, in a share of the rows; in the others the target of another row."""
    other = pd.Series(target.sample(frac=1, random_state=int(rng.integers(2**31))).to_numpy(), index=target.index)
    noise = rng.normal(0, 0.01, len(target)) if pd.api.types.is_float_dtype(target) else 0
    kept = target.where(pd.Series(rng.random(len(target)) < strength, index=target.index), other)
    return kept + noise if pd.api.types.is_float_dtype(target) else kept
