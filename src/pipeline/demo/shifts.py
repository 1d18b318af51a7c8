"""Named shifts: what the world, or a bug upstream, does to a table. Simulated, for demonstration and benchmarks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pipeline.core import params
from pipeline.core.errors import PipelineError, listed
from pipeline.data.values.conversion import labels
from pipeline.models.signature import Signature

# What each shift does at strength 1.
CUT = 0.4  # of each limit
LATE, UNPAID = 0.5, 0.8  # share of the clients whose payments are late, and of a payment that does not come
DEFAULTS = 0.8  # probability that the client who owes most defaults, having been about to pay
NEWCOMERS, LOST = 0.3, 0.7  # shares of the rows
NEW = "simulated"  # the value of the new category


@dataclass(frozen=True)
class Roles:
    """The columns that the shifts move: none or None where the data has no such column, or nobody named it."""

    target: str
    positive: Any  # the class that a recession makes more frequent; None where the target is no yes or no
    limits: Sequence[str]
    late: Sequence[str]
    paid: Sequence[str]
    owed: str | None
    broken: str | None
    category: str | None
    nullable: frozenset[str]


Rng = np.random.Generator


def roles(settings: params.Simulate, known: Signature, importance: Sequence[Mapping[str, Any]]) -> Roles:
    """The columns that params.yaml names; where it says null, the model's strongest, and the one of most categories.

    `importance` is the content of reports/importance.json.
    """
    strongest = {told["feature"]: told["shap"] for told in importance}
    by_strength = max(known.features, key=lambda feature: float(strongest.get(feature.name, -1)))
    richest = max(known.features, key=lambda feature: len(feature.categories))
    return Roles(
        target=known.target,
        positive=known.positive,
        limits=settings.limits,
        late=settings.late,
        paid=settings.paid,
        owed=settings.owed,
        broken=settings.broken or by_strength.source,
        category=settings.category or (richest.source if richest.categories else None),
        nullable=frozenset(feature.source for feature in known.features if feature.nullable),
    )


def shift(table: pd.DataFrame, name: str, roles: Roles, strength: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """A copy of the table as it would be under a shift of SHIFTS, target included; `strength` from 0 to 1.

    PipelineError with one line where the table has not the columns that the shift moves.
    """
    return SHIFTS[name](table.reset_index(drop=True), roles, strength, np.random.default_rng(seed))


def told(name: str) -> str:
    """What a shift does, in a sentence."""
    return (SHIFTS[name].__doc__ or "").splitlines()[0]


def _none(table: pd.DataFrame, roles: Roles, strength: float, rng: Rng) -> pd.DataFrame:
    """The world as it was."""
    return table


def _recession(table: pd.DataFrame, roles: Roles, strength: float, rng: Rng) -> pd.DataFrame:
    """Limits are cut for all, payments are late for some, whoever they are; who owes most defaults more often.

    So lateness says less than it did and debt says more: a model of before ranks worse, and there is something to
    learn. A client who was to pay defaults with probability DEFAULTS * strength * (rank by debt, 0 to 1) ** 2.
    """
    moved = {"limits": roles.limits, "late": roles.late, "paid": roles.paid, "owed": [roles.owed] if roles.owed else []}
    for key, names in moved.items():
        _need(table, "recession", key, names)
    shifted, late = table.copy(), rng.random(len(table)) < LATE * strength
    for name in roles.limits:
        shifted[name] = _like(table[name], table[name] * (1 - CUT * strength))
    for name in roles.late:
        later = (table[name].clip(lower=0) + 1).clip(upper=max(table[name].max(), 1))
        shifted[name] = _like(table[name], table[name].where(~late, later))
    for name in roles.paid:
        shifted[name] = _like(table[name], table[name].where(~late, table[name] * (1 - UNPAID)))
    if roles.positive is not None:
        debt = table[roles.owed].rank(pct=True, na_option="top")
        defaults = rng.random(len(table)) < DEFAULTS * strength * debt**2
        yes = pd.Series([roles.positive]).astype(table[roles.target].dtype).iloc[0]
        shifted[roles.target] = table[roles.target].where(~defaults, yes)
    return shifted


def _broken_feature(table: pd.DataFrame, roles: Roles, strength: float, rng: Rng) -> pd.DataFrame:
    """An upstream job loses a column: null where training saw nulls, else a default. Labels stay.

    The default is 0 of a number, else the commonest value. `strength` is the share of the rows.
    """
    name = _need(table, "broken_feature", "broken", [roles.broken] if roles.broken else [])
    column, lost = table[name], rng.random(len(table)) < strength
    if name in roles.nullable:
        return _with(table, name, column.mask(lost))
    number = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
    return _with(table, name, column.mask(lost, 0 if number else column.mode().iloc[0]))


def _new_category(table: pd.DataFrame, roles: Roles, strength: float, rng: Rng) -> pd.DataFrame:
    """A share of the rows come with a category that training never saw: upstream renamed its codes. Labels stay."""
    name = _need(table, "new_category", "category", [roles.category] if roles.category else [])
    if types.is_numeric_dtype(table[name]) or types.is_datetime64_any_dtype(table[name]):
        raise PipelineError(f"shift new_category: {name} is no column of text; name one in simulate.category")
    renamed = rng.random(len(table)) < NEWCOMERS * strength
    return _with(table, name, labels(table[name]).mask(renamed, NEW))


def _fewer_rows(table: pd.DataFrame, roles: Roles, strength: float, rng: Rng) -> pd.DataFrame:
    """A share of the rows never arrive, whichever they are. Labels stay."""
    return table[rng.random(len(table)) >= LOST * strength].reset_index(drop=True)


SHIFTS: dict[str, Callable[[pd.DataFrame, Roles, float, Rng], pd.DataFrame]] = {
    "none": _none,
    "recession": _recession,
    "broken_feature": _broken_feature,
    "new_category": _new_category,
    "fewer_rows": _fewer_rows,
}


def _need(table: pd.DataFrame, shift: str, key: str, names: Sequence[str]) -> str:
    """The first of the columns; PipelineError where there are none, or the table lacks one."""
    if not names:
        raise PipelineError(f"shift {shift}: needs columns of this data; name them in params.yaml: simulate.{key}")
    if absent := [name for name in names if name not in table.columns]:
        raise PipelineError(
            f"shift {shift}: the data has no column {listed(absent)}; name yours in params.yaml: simulate.{key}"
        )
    return names[0]


def _with(table: pd.DataFrame, name: str, values: "pd.Series[Any]") -> pd.DataFrame:
    """A copy with one column replaced."""
    changed = table.copy()
    changed[name] = values
    return changed


def _like(column: "pd.Series[Any]", values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Values as the column is stored: whole where it is."""
    return values.round().astype(column.dtype) if types.is_integer_dtype(column) else values.astype(column.dtype)
