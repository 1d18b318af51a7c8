"""Named shifts: what the world, or a bug upstream, does to a table. Simulated, for demonstration and benchmarks.

Those here work on any table. The project's are the public functions of src/project/shifts.py, by their names.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pipeline.core import project
from pipeline.core.errors import PipelineError, listed
from pipeline.data.values.conversion import labels
from pipeline.models.signature import Signature

NEWCOMERS, LOST = 0.3, 0.7  # shares of the rows at strength 1
NEW = "simulated"  # the value of the new category
MODULE = "shifts"
FILE = f"{project.FOLDER}/{MODULE}.py"  # with the project's
Rng = np.random.Generator


@dataclass(frozen=True)
class ShiftedColumns:
    """The columns that the template's shifts change; `category` is None where the data has no column of text."""

    broken: str
    category: str | None
    nullable: frozenset[str]


Shift = Callable[[pd.DataFrame, ShiftedColumns, float, Rng], pd.DataFrame]


def shifted_columns(
    known: Signature, importance: Sequence[Mapping[str, Any]], column: str | None = None
) -> ShiftedColumns:
    """`column`, or where it is None the model's strongest and the one with the most categories.

    `importance` is the content of reports/importance.json. PipelineError where the model has no such column.
    """
    if column is not None and column not in known.columns:
        raise PipelineError(f"--column: {column} is no column of the model; allowed: {listed(known.columns)}")
    shap = {entry["feature"]: entry["shap"] for entry in importance}
    strongest = max(known.features, key=lambda feature: float(shap.get(feature.name, -1)))
    richest = max(known.features, key=lambda feature: len(feature.categories))
    return ShiftedColumns(
        broken=column or strongest.source,
        category=column or (richest.source if richest.categories else None),
        nullable=frozenset(feature.source for feature in known.features if feature.nullable),
    )


def shift(
    table: pd.DataFrame,
    name: str,
    columns: ShiftedColumns,
    strength: float = 1.0,
    seed: int = 0,
    root: Path = Path(),
) -> pd.DataFrame:
    """A copy of the table as it would be under a shift, target included; `strength` from 0 to 1.

    PipelineError with one line where there is no such shift, or the table is not one that it can change.
    """
    return named(name, root)(table.reset_index(drop=True), columns, strength, np.random.default_rng(seed))


def description(name: str) -> str:
    """What a shift does, in a sentence: the first line of its docstring."""
    return (inspect.getdoc(named(name)) or "no description").splitlines()[0]


def named(name: str, root: Path = Path()) -> Shift:
    """The template's or the project's shift of that name; PipelineError that lists both where there is none."""
    own = projects(root)
    found = SHIFTS.get(name) or own.get(name)
    if found is None:
        theirs = listed(own) if own else "none yet"
        raise PipelineError(f"{name}: no such shift; allowed: {listed(SHIFTS)}, and the functions of {FILE}: {theirs}")
    return found


def projects(root: Path = Path()) -> dict[str, Shift]:
    """The project's shifts: the public functions that src/project/shifts.py defines."""
    module = project.load(MODULE, root)
    if module is None:
        return {}
    functions = {
        name: _of_project(function, root)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    if taken := sorted(functions.keys() & SHIFTS.keys()):
        raise PipelineError(f"{FILE}: {listed(taken)}: the template has a shift of this name; give yours another")
    return functions


def _of_project(function: Callable[[pd.DataFrame, float, Rng], object], root: Path) -> Shift:
    """A function of the project as a shift; what it raises, and a result that is no such table, is one line."""

    @functools.wraps(function)
    def shifted(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
        with project.errors_in_one_line(root):
            result = function(table.copy(), strength, rng)
        if isinstance(result, pd.DataFrame) and list(result.columns) == list(table.columns):
            return result
        raise PipelineError(f"{FILE}: {function.__name__} returned no table with the columns of the rows it got")

    return shifted


def _none(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
    """The world as it was."""
    return table


def _broken_feature(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
    """An upstream job loses a column: null where training saw nulls, else a default. Labels stay.

    The default is 0 of a number, else the commonest value. `strength` is the share of the rows.
    """
    name = columns.broken
    column, lost = table[name], rng.random(len(table)) < strength
    if name in columns.nullable:
        return _with(table, name, column.mask(lost))
    number = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
    return _with(table, name, column.mask(lost, 0 if number else column.mode().iloc[0]))


def _new_category(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
    """A share of the rows come with a category that training never saw: upstream renamed its codes. Labels stay."""
    name = columns.category
    if name is None:
        raise PipelineError("new_category: the data has no column of text to which it could add one")
    if types.is_numeric_dtype(table[name]) or types.is_datetime64_any_dtype(table[name]):
        raise PipelineError(f"new_category: {name} is no column of text; name one with --column")
    renamed = rng.random(len(table)) < NEWCOMERS * strength
    return _with(table, name, labels(table[name]).mask(renamed, NEW))


def _fewer_rows(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
    """A share of the rows never arrive, whichever they are. Labels stay."""
    return table[rng.random(len(table)) >= LOST * strength].reset_index(drop=True)


SHIFTS: dict[str, Shift] = {
    "none": _none,
    "broken_feature": _broken_feature,
    "new_category": _new_category,
    "fewer_rows": _fewer_rows,
}


def _with(table: pd.DataFrame, name: str, values: "pd.Series[Any]") -> pd.DataFrame:
    """A copy with one column replaced."""
    changed = table.copy()
    changed[name] = values
    return changed
