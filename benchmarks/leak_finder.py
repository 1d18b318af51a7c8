"""How often the leak finders are wrong: on leaks planted at known strengths, and on clean tables."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.core.tasks import Task
from pipeline.evaluation import leaks

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
ROWS = (300, 2000)
TABLES, CLEAN = 20, 10  # tables of each kind, and clean columns of a table
GAPPY = 50  # columns with gaps at random of a table
STRENGTHS = (0.8, 0.9, 0.95, 0.99, 1.0)  # share of rows in which the planted column, or its gap, tells the target


Kind = Literal["alone", "missing", "order", "key"]
TITLES: dict[Kind, str] = {
    "alone": "The column is the target",
    "missing": "The column is missing by the target",
    "order": "The rows are in the target's order",
    "key": "The key is in the target's order",
}


def main() -> None:
    """Print the share of clean columns, orders and keys that are named, and of planted ones that are found."""
    print("## Leaks\n")
    print("| clean tables | rows | columns named | columns that fail the gate | order named | key named |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    _each_line(_alarms)
    print("\n| gaps at random | rows | columns named |\n| --- | ---: | ---: |")
    _each_line(_gap_alarms)
    for kind, title in TITLES.items():
        print(f"\n| {title}, in |", " rows |", *(f" {strength:.0%} of the rows |" for strength in STRENGTHS), sep="")
        print("| --- | ---: |", *(" ---: |" for _ in STRENGTHS), sep="")
        _each_line(partial(_all_found, kind))


def _each_line(cells: Callable[[Task, int], list[str]]) -> None:
    for task in TASKS:
        for rows in ROWS:
            print(f"| {task} | {rows:,} |", *(f" {cell} |" for cell in cells(task, rows)), sep="", flush=True)


def _alarms(task: Task, rows: int) -> list[str]:
    """Clean columns that are named and that fail the gate, orders and keys that are named; of how many."""
    named = failing = order = key = 0
    for seed in range(TABLES):
        table = clean(task, rows, seed)
        columns = [name for name in table.columns if name != "target"]
        found = leaks.find(table.assign(id=np.arange(rows)), "target", task, columns, "id")
        named += len({leak.column for leak in found if leak.column})
        failing += len({leak.column for leak in found if leak.proven})
        order += any(leak.how == "order" for leak in found)
        key += any(leak.how == "key" for leak in found)
    return [f"{named} of {TABLES * CLEAN:,}", f"{failing}", f"{order} of {TABLES}", f"{key} of {TABLES}"]


def _gap_alarms(task: Task, rows: int) -> list[str]:
    """Columns of which 2 to 90 % are missing at random that are named, of how many."""
    named = 0
    for seed in range(TABLES):
        table, rng = clean(task, rows, seed)[["target"]], np.random.default_rng(seed)
        for column in range(GAPPY):
            table[f"gap{column}"] = np.where(rng.random(rows) < rng.uniform(0.02, 0.9), np.nan, 1.0)
        found = leaks.find(table, "target", task, [f"gap{column}" for column in range(GAPPY)])
        named += len({leak.column for leak in found if leak.column})
    return [f"{named} of {TABLES * GAPPY:,}"]


def _all_found(kind: Kind, task: Task, rows: int) -> list[str]:
    return [_found(kind, task, rows, strength) for strength in STRENGTHS]


def _found(kind: Kind, task: Task, rows: int, strength: float) -> str:
    """The share of tables in which the planted leak is named; of a column also that in which it fails the gate."""
    found = failing = 0
    for seed in range(TABLES):
        rng = np.random.default_rng(seed)
        table = clean(task, rows, 1000 + seed)
        known = planted(table["target"], strength, rng)
        columns, key = (["planted"], None) if kind in ("alone", "missing") else ([], "id" if kind == "key" else None)
        table = with_leak(kind, table, known, rng)
        named = [leak for leak in leaks.find(table, "target", task, columns, key) if leak.how in (kind, "equal")]
        proven = leaks.proven(table, "target", task, columns)
        found, failing = found + bool(named), failing + bool(proven or [leak for leak in named if leak.how == "equal"])
    share = f"{found / TABLES:.0%}"
    return share if kind in ("order", "key") else f"{share}, fails {failing / TABLES:.0%}"


def with_leak(kind: Kind, table: pd.DataFrame, known: "pd.Series[Any]", rng: np.random.Generator) -> pd.DataFrame:
    """The table with what is known of the target in a column, its gaps, the order of its rows or its key."""
    if kind == "alone":
        return table.assign(planted=known)
    codes = known if pd.api.types.is_float_dtype(known) else known.astype("category").cat.codes
    if kind == "missing":
        return table.assign(planted=pd.Series(rng.random(len(table)), index=table.index).where(codes <= codes.median()))
    places = np.lexsort([rng.random(len(table)), codes])
    if kind == "order":
        return table.iloc[places].reset_index(drop=True)
    return table.assign(id=np.argsort(places))


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
