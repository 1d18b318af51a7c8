"""Slices: the test rows by the values of a column, each evaluated separately."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core import lookalikes
from pipeline.core.errors import PipelineError
from pipeline.core.params import Evaluate
from pipeline.core.tasks import Task
from pipeline.data.values import conversion
from pipeline.evaluation.bootstrap import intervals
from pipeline.evaluation.scoring import Scored

MAX_VALUES = 50  # values of a column that are shown; rarer ones are joined
MISSING, OTHERS = "missing", "other values"
ALIKE = re.compile(rf'"*({MISSING}|{OTHERS}|\s*)"*')  # texts that would be taken for these names, or for none
REPORTED: dict[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "positive_rate", "mean_score"),
    "multiclass": ("log_loss", "balanced_accuracy"),
    "regression": ("rmse", "mae"),
}


def labels(table: pd.DataFrame, columns: Sequence[str], bins: int, key: str) -> pd.DataFrame:
    """A label for each row and column: the value, or its quantile bin where a column has more numbers or dates than
    `bins`. Rows without a value are `missing`; the text "missing" is a value, and its label is in quotes.

    PipelineError where a column is not in the table; `key` is the key of params.yaml that names it.
    """
    for name in columns:
        if name not in table.columns:
            hint = lookalikes.suggestion(name, map(str, table.columns))
            raise PipelineError(f"params.yaml: {key}: {name} is no column of the test rows; {hint}")
    return pd.DataFrame({name: _labelled(table[name], bins) for name in columns}, index=table.index)


def report(scored: Scored, evaluate: Evaluate) -> list[dict[str, Any]]:
    """Each slice with its size and metrics; a metric that is undefined in a slice (one class only) is null."""
    result = []
    for column in map(str, scored.slices.columns):
        codes, values = pd.factorize(scored.slices[column])
        for place in sorted(range(len(values)), key=lambda place: _reading_order(str(values[place]))):
            part = scored.rows(codes == place)
            names = (*REPORTED[part.task], *([part.deviance] if part.deviance else []))
            estimates = intervals(part.task, names, part, evaluate.bootstrap, evaluate.confidence, evaluate.seed)
            metrics = {name: estimate.to_json() for name, estimate in estimates.items()}
            result.append({"column": column, "value": str(values[place]), "rows": len(part), "metrics": metrics})
    return result


def _labelled(column: "pd.Series[Any]", bins: int) -> npt.NDArray[np.object_]:
    ordered = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    dated = pd.api.types.is_datetime64_any_dtype(column)
    if (ordered or dated) and column.nunique() > bins:
        return _binned(column, bins, dated)
    present = column.notna()
    plain = conversion.labels(column).astype(object)
    text = plain.map({value: _quoted(value) for value in plain[present].unique()}).where(present, MISSING)
    counts = text[present].value_counts(sort=True)
    # Equal counts are ordered by name, so that the order of the rows does not matter.
    values = counts.to_frame("rows").rename_axis("name").sort_values(["rows", "name"], ascending=[False, True]).index
    if len(values) > MAX_VALUES:
        text = text.where(text.isin(values[: MAX_VALUES - 1]) | ~present, OTHERS)
    return text.to_numpy(object)


def _quoted(text: str) -> str:
    """The text, in quotes where it could be taken for `MISSING`, `OTHERS` or no name; different texts stay so."""
    return f'"{text}"' if ALIKE.fullmatch(text) else text


def _binned(column: "pd.Series[Any]", bins: int, dated: bool) -> npt.NDArray[np.object_]:
    """Quantile bins, named by the lowest and the highest value in them: "21 to 28"."""
    present = column.notna().to_numpy(bool)
    values = _numbers(column[present], dated)
    cuts = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf"))
    used, place = np.unique(np.searchsorted(cuts, values, side="left"), return_inverse=True)
    names = _names([(values[place == bin_].min(), values[place == bin_].max()) for bin_ in range(len(used))], dated)
    result = np.full(len(column), MISSING, dtype=object)
    result[present] = np.array(names, dtype=object)[place]
    return result


def _numbers(column: "pd.Series[Any]", dated: bool) -> npt.NDArray[Any]:
    """Numbers in the order of the values; dates as seconds since 1970 (UTC)."""
    if not dated:
        return column.to_numpy(float)
    naive = column.dt.tz_convert(None) if column.dt.tz is not None else column
    return naive.to_numpy("datetime64[s]").astype(np.int64)


def _names(ends: list[tuple[Any, Any]], dated: bool) -> list[str]:
    """The bins' names, with as few digits as make their ends different."""
    formats = (_day, _second) if dated else (_short, _long, repr)
    distinct = len({end for pair in ends for end in pair})
    for format_end in formats:
        pairs = [tuple(dict.fromkeys(format_end(end) for end in pair)) for pair in ends]
        if len({end for pair in pairs for end in pair}) == distinct:
            break
    return [" to ".join(pair) for pair in pairs]


def _day(seconds: Any) -> str:
    return str(np.datetime64(int(seconds), "s"))[:10]


def _second(seconds: Any) -> str:
    return str(np.datetime64(int(seconds), "s")).replace("T", " ")


def _short(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else f"{number:.4g}"


def _long(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else f"{number:.9g}"


def _reading_order(label: str) -> tuple[bool, float, str]:
    """Numbers by size, then names; the labels of missing and other values come last."""
    number = re.match(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", label)
    return label in (MISSING, OTHERS), float(number.group()) if number else float("inf"), label
