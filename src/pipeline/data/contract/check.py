"""The data contract as pandera checks, and its violations in a table, counted and located."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.core import lookalikes
from pipeline.core.params import TaskSection
from pipeline.data.contract.schema import ContractColumn, Schema
from pipeline.data.values import conversion
from pipeline.data.values.conversion import Mask

if TYPE_CHECKING:
    import pandera.pandas as pa

LIMIT = 10  # row numbers, and values, of one violation

# Pandera's own checks: their names in the report, and what was expected.
STRUCTURE = {
    "column_in_dataframe": ("missing column", "a column of this name"),
    "column_in_schema": ("extra column", "no column of this name, or an entry in the contract"),
}


# What a type can hold, where that is not plain: nothing is rounded to make it fit.
EXPECTED = {"integer": "integer (of 64 bits)", "date": "date (to the microsecond)"}


@dataclass(frozen=True)
class Violation:
    """One check that a column fails: in how many rows, the first of them (1-based), and some of their values."""

    check: str
    column: str
    expected: str
    count: int
    rows: tuple[int, ...] = ()
    values: tuple[str, ...] = ()


def violations(table: pd.DataFrame, schema: Schema, task: TaskSection) -> list[Violation]:
    """All violations of the contract in the table, by column; the target must have a value in every row."""
    result = [_violation(error, table) for error in _errors(table, schema, task)]
    if task.target not in schema.columns and task.target not in table.columns:
        result.append(Violation("missing column", task.target, "the target (task.target)", len(table)))
    order = list(dict.fromkeys([*schema.columns, *map(str, table.columns), task.target]))
    return sorted(result, key=lambda violation: order.index(violation.column))


def broken_rows(table: pd.DataFrame, schema: Schema, task: TaskSection) -> list[tuple[Violation, Mask]]:
    """The violations of single rows, each with a mask (rows,) of them; not those of a whole column."""
    places = pd.RangeIndex(len(table))
    return [
        # pandera leaves missing values out of a check, and so out of its outcome
        (_violation(error, table), ~error.check_output.reindex(places, fill_value=True).to_numpy(dtype=bool))
        for error in _errors(table, schema, task)
        if isinstance(error.check_output, pd.Series)
    ]


def _errors(table: pd.DataFrame, schema: Schema, task: TaskSection) -> Sequence[Any]:
    import pandera.pandas as pa

    try:
        _build(schema, task).validate(table.reset_index(drop=True), lazy=True, inplace=True)
    except pa.errors.SchemaErrors as errors:
        return list(errors.schema_errors)
    return []


def _build(schema: Schema, task: TaskSection) -> "pa.DataFrameSchema":
    import pandera.pandas as pa

    # pandera's own null and uniqueness checks list every failing row one by one; these count them.
    columns = {
        name: pa.Column(
            checks=_checks(column, has_every_value=not column.nullable or name == task.target),
            nullable=True,
        )
        for name, column in schema.columns.items()
    }
    return pa.DataFrameSchema(columns, strict=True)


def _check(
    name: str, expected: str, predicate: Callable[["pd.Series[Any]"], Any], *, with_nulls: bool = False
) -> "pa.Check":
    import pandera.pandas as pa

    return pa.Check(predicate, name=name, error=expected, ignore_na=not with_nulls, n_failure_cases=1)


def _checks(column: ContractColumn, has_every_value: bool) -> list["pa.Check"]:
    """The checks of a column. Only values of the right type are compared with lists and ranges."""

    def convert(values: "pd.Series[Any]") -> "pd.Series[Any]":
        return conversion.convert(values, column.type)[0]

    def of_type(values: "pd.Series[Any]") -> Any:
        wrong = conversion.convert(values, column.type)[1]
        return pd.Series(~wrong, index=values.index)

    checks = []
    if has_every_value:
        checks.append(_check("missing value", "a value in every row", lambda values: values.notna(), with_nulls=True))
    checks.append(_check("type", EXPECTED.get(column.type, column.type), of_type))
    if column.unique:  # as its type: the texts 7 and 7.0 are one whole number
        checks.append(_check("unique", "each value once", lambda values: ~_repeated(convert(values))))
    if column.allowed is not None:
        allowed = list(column.allowed)
        text = ", ".join(str(value) for value in allowed[:LIMIT]) + (", …" if len(allowed) > LIMIT else "")
        checks.append(_check("allowed", text, lambda values: (typed := convert(values)).isin(allowed) | typed.isna()))
    if column.min is not None:
        low: Any = pd.Timestamp(column.min) if column.type == "date" else column.min
        checks.append(_check("min", f"{column.min} or more", lambda values: ~(convert(values) < low)))
    if column.max is not None:
        high: Any = pd.Timestamp(column.max) if column.type == "date" else column.max
        checks.append(_check("max", f"{column.max} or less", lambda values: ~(convert(values) > high)))
    return checks


def _repeated(values: "pd.Series[Any]") -> "pd.Series[Any]":
    return values.duplicated(keep=False) & values.notna()


def _violation(error: Any, table: pd.DataFrame) -> Violation:
    if isinstance(error.check, str):
        name, expected = STRUCTURE.get(error.check, (error.check, ""))
        column = str(error.failure_cases)
        if name == "missing column" and (same := lookalikes.twin(column, map(str, table.columns))) is not None:
            expected += f"; one that looks the same is written {same!a}, not {column!a}"
        return Violation(name, column, expected, len(table))
    column, passed = str(error.schema.name), error.check_output
    if not isinstance(passed, pd.Series):
        return Violation(error.check.name, column, error.check.error, len(table))
    failed_rows = passed.index[~passed.to_numpy(dtype=bool)]
    first = failed_rows[:LIMIT]
    values = dict.fromkeys(repr(value) for value in table[column].iloc[first].tolist())
    rows: Sequence[int] = (first + 1).tolist()
    return Violation(error.check.name, column, error.check.error, len(failed_rows), tuple(rows), tuple(values))
