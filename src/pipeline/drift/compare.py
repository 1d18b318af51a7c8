"""How far the columns of one table have drifted from those of another: training and test, or any two tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.data.values import conversion
from pipeline.drift import stattests

Kind = Literal["number", "boolean", "category", "date"]
MAX_VALUES = 1000  # text with more is an identifier or prose; Evidently would train a model on it
FARTHEST = np.finfo(np.float64).max
MISSING_TEST, MISSING_BOUND = "difference of missing shares", 0.1


def compare(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    columns: Mapping[str, Kind],
    drift: params.Drift,
    left_out: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Evidently's drift score of each column, and whether the share of drifted columns reaches `drift.share`.

    A column that can't be compared is under `skipped` with the reason, as are those `left_out`, which have theirs.
    Larger tables are sampled to `drift.max_rows`.
    """
    tables = sample(reference, drift), sample(current, drift)
    left_out = left_out or {}
    compared, skipped = list[dict[str, Any]](), [{"column": name, "reason": why} for name, why in left_out.items()]
    columns = {name: kind for name, kind in columns.items() if name not in left_out}
    for name, kind in columns.items():
        result = _compare(*tables, name, kind, drift.threshold)
        if isinstance(result, str):
            skipped.append({"column": name, "reason": result})
        else:
            compared.append({"column": name, **result})
    drifted = sum(column["drifted"] for column in compared)
    share = drifted / len(compared) if compared else 0.0
    return {
        "rows": {"reference": len(reference), "current": len(current)},
        "compared_rows": {"reference": len(tables[0]), "current": len(tables[1])},
        "drifted": share >= drift.share,
        "drifted_columns": drifted,
        "share": share,
        "bound": drift.share,
        "columns": compared,
        "skipped": skipped,
    }


def kinds(table: pd.DataFrame) -> dict[str, Kind]:
    """What each column of a table is compared as, by its type."""
    return {str(name): _kind(table[name]) for name in table.columns}


def render(
    path: Path, reference: pd.DataFrame, current: pd.DataFrame, columns: Mapping[str, Kind], drift: params.Drift
) -> dict[str, str]:
    """Write Evidently's HTML report of the columns that `compare` can score; PipelineError where there are none.

    Columns that Evidently can't draw are left out, and returned with the reason.
    """
    tables = sample(reference, drift), sample(current, drift)
    results = {name: _compare(*tables, name, kind, drift.threshold) for name, kind in columns.items()}
    names = [name for name, item in results.items() if not isinstance(item, str) and item["test"] != MISSING_TEST]
    if not names:
        raise PipelineError(
            f"{path}: no column of the two tables can be compared, so there is no report to draw; give tables with the "
            "model's columns"
        )
    frames = [pd.DataFrame({name: values(table[name], columns[name]) for name in names}) for table in tables]
    return stattests.write_html(path, frames[0], frames[1], drift.share, drift.threshold)


def _compare(
    reference: pd.DataFrame, current: pd.DataFrame, name: str, kind: Kind, threshold: float | None
) -> dict[str, Any] | str:
    """One column's result, or why there is none."""
    for side, table in (("reference", reference), ("current", current)):
        if not len(table):
            return f"the {side} table has no rows"
        if name not in table.columns:
            return f"not in the {side} table"
    try:
        before, after = values(reference[name], kind), values(current[name], kind)
    except (TypeError, ValueError):
        return f"is {reference[name].dtype} in the reference and {current[name].dtype} in the current table"
    return _score(before, after, kind, threshold)


def _score(before: Any, after: Any, kind: Kind, threshold: float | None) -> dict[str, Any] | str:
    missing = float(before.isna().mean()), float(after.isna().mean())
    shares = {"missing_reference": missing[0], "missing_current": missing[1]}
    before, after = before.dropna(), after.dropna()
    if before.empty and after.empty:
        return "no values in either table"
    if before.empty or after.empty:  # Evidently compares values only, and one table has none
        gap = abs(missing[0] - missing[1])
        result = stattests.Score(MISSING_TEST, gap, MISSING_BOUND, gap >= MISSING_BOUND)
        return vars(result) | shares
    distinct = pd.concat([before, after]).nunique()
    if distinct == 1:
        return "constant: one value in both tables"
    if kind == "category" and distinct > MAX_VALUES:
        return f"text with more than {MAX_VALUES:,} different values"
    if kind not in ("number", "date"):
        before, after = _codes(before, after)
    score = stattests.score(before, after, "num" if kind in ("number", "date") else "cat", threshold)
    return vars(score) | shares if score else "Evidently's test gives no number for it"


def values(column: "pd.Series[Any]", kind: Kind) -> "pd.Series[Any]":
    """A column as Evidently takes it: numbers (dates as days since 1970) or text; TypeError or ValueError.

    An infinite number is the largest one: it is no missing value.
    """
    if kind == "date":
        dates = pd.to_datetime(column, utc=True)
        column = (dates - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)
    if kind in ("number", "date"):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return pd.Series(np.clip(numbers, -FARTHEST, FARTHEST))
    return pd.Series(conversion.labels(column).to_numpy(dtype=object))


def _codes(before: "pd.Series[Any]", after: "pd.Series[Any]") -> tuple[Any, Any]:
    """Categories as numbers: Evidently sums over a set, and the order of a set of texts differs between processes."""
    names = sorted(set(before) | set(after))
    first, second = (pd.Series(pd.Categorical(texts, categories=names).codes.astype(int)) for texts in (before, after))
    return first, second


def sample(table: pd.DataFrame, drift: params.Drift) -> pd.DataFrame:
    """At most `drift.max_rows` rows of a table."""
    return table if len(table) <= drift.max_rows else table.sample(drift.max_rows, random_state=drift.seed)


def _kind(column: "pd.Series[Any]") -> Kind:
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    return "date" if pd.api.types.is_datetime64_any_dtype(column) else "category"
