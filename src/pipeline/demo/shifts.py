"""Named shifts: how a table changes with the world or by a bug upstream. Simulated, for demonstration and benchmarks.

The shifts of this module work on any table. Those of the project are the public functions of src/project/shifts.py.
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

NEW_CATEGORY_SHARE, LOST_SHARE = 0.3, 0.7  # of the rows, at strength 1
NEW_CATEGORY = "simulated"  # its value
MODULE = "shifts"
FILE = f"{project.FOLDER}/{MODULE}.py"  # the project's shifts
Rng = np.random.Generator


@dataclass(frozen=True)
class ShiftedColumns:
    """The columns that the template's shifts change; `category` is None where the data has no column of text."""

    broken: str
    category: str | None
    nullable: frozenset[str]


Shift = Callable[[pd.DataFrame, ShiftedColumns, float, Rng], pd.DataFrame]


def shifted_columns(
    model: Signature, importance: Sequence[Mapping[str, Any]], column: str | None = None
) -> ShiftedColumns:
    """The columns to change: `column`, or if None the model's strongest and the one with the most categories.

    `importance` is the content of reports/importance.json. PipelineError where the model has no such column.
    """
    if column is not None and column not in model.columns:
        raise PipelineError(f"--column: {column} is not a column of the model; allowed: {listed(model.columns)}")
    shap = {entry["feature"]: entry["shap"] for entry in importance}
    strength = dict.fromkeys(model.columns, -1.0)
    for feature in model.features:
        if feature.source in strength:  # a column that is a feature itself
            strength[feature.source] = max(strength[feature.source], float(shap.get(feature.name, -1)))
    richest = max(model.raw_columns, key=lambda raw: len(raw.categories))
    return ShiftedColumns(
        broken=column or max(strength, key=strength.__getitem__),
        category=column or (richest.name if richest.categories else None),
        nullable=frozenset(raw.name for raw in model.raw_columns if raw.nullable),
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

    PipelineError, in one line, where there is no such shift, or the table does not fit it.
    """
    return find(name, root)(table.reset_index(drop=True), columns, strength, np.random.default_rng(seed))


def description(name: str) -> str:
    """What a shift does, in a sentence: the first line of its docstring."""
    return (inspect.getdoc(find(name)) or "no description").splitlines()[0]


def find(name: str, root: Path = Path()) -> Shift:
    """The template's or the project's shift of that name; PipelineError that lists both where there is none."""
    project_shifts = of_project(root)
    function = SHIFTS.get(name) or project_shifts.get(name)
    if function is None:
        names = listed(project_shifts) if project_shifts else "none yet"
        raise PipelineError(f"{name}: no such shift; allowed: {listed(SHIFTS)}, and the functions of {FILE}: {names}")
    return function


def of_project(root: Path = Path()) -> dict[str, Shift]:
    """The project's shifts: the public functions that src/project/shifts.py defines."""
    module = project.load(MODULE, root)
    if module is None:
        return {}
    functions = {
        name: _as_shift(function, root)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    if taken := sorted(functions.keys() & SHIFTS.keys()):
        raise PipelineError(f"{FILE}: {listed(taken)}: the template has a shift of this name; give yours another")
    return functions


def _as_shift(function: Callable[[pd.DataFrame, float, Rng], object], root: Path) -> Shift:
    """A function of the project as a shift; its exceptions, and a wrong result, are a PipelineError in one line."""

    @functools.wraps(function)
    def shifted(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
        with project.errors_in_one_line(root):
            result = function(table.copy(), strength, rng)
        if isinstance(result, pd.DataFrame) and list(result.columns) == list(table.columns):
            return result
        raise PipelineError(f"{FILE}: {function.__name__} did not return a table with the columns of its input")

    return shifted


def _none(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
    """Nothing changes."""
    return table


def _broken_feature(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
    """An upstream job loses a column: null where training saw nulls, else a default. Labels stay.

    The default is 0 for numbers, else the most frequent value. `strength` is the share of the rows.
    """
    name = columns.broken
    column, lost = table[name], rng.random(len(table)) < strength
    if name in columns.nullable:
        return _with(table, name, column.mask(lost))
    number = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
    return _with(table, name, column.mask(lost, 0 if number else column.mode().iloc[0]))


def _new_category(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
    """A share of the rows has a category that training never saw: upstream renamed its codes. Labels stay."""
    name = columns.category
    if name is None:
        raise PipelineError("new_category: the data has no column of text to add one to")
    if types.is_numeric_dtype(table[name]) or types.is_datetime64_any_dtype(table[name]):
        raise PipelineError(f"new_category: {name} is not a column of text; name one with --column")
    renamed = rng.random(len(table)) < NEW_CATEGORY_SHARE * strength
    return _with(table, name, labels(table[name]).mask(renamed, NEW_CATEGORY))


def _fewer_rows(table: pd.DataFrame, columns: ShiftedColumns, strength: float, rng: Rng) -> pd.DataFrame:
    """A random share of the rows never arrives. Labels stay."""
    return table[rng.random(len(table)) >= LOST_SHARE * strength].reset_index(drop=True)


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
