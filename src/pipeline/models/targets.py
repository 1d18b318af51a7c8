"""The target column as LightGBM learns it: 0 and 1, a class's index, or the value."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.errors import PipelineError, listed
from pipeline.core.params import TaskSection
from pipeline.data.values import conversion
from pipeline.models.matrix import codes
from pipeline.models.signature import Signature

# A quarter of float32's largest: LightGBM also keeps differences of targets and scores as float32.
LARGEST = float(np.finfo(np.float32).max) / 4


def learn(target: "pd.Series[Any]", task: TaskSection) -> tuple[str, ...]:
    """The target's classes as text: (negative, positive) for binary, in order for multiclass, none for regression.

    Numbers are in the order of their size, other classes in that of their text.
    PipelineError for a missing value, too few classes, or a positive class that never occurs.
    """
    prefix = f"target {target.name}"
    if target.isna().any():
        raise PipelineError(
            f"{prefix}: {int(target.isna().sum()):,} rows have no value; remove or label them in the source"
        )
    if task.type == "regression":
        _check_regression_target(target, prefix)
        return ()
    values = _classes(target)
    if len(values) < 2:
        raise PipelineError(
            f"{prefix}: has one class only ({values[0]}); a model needs at least two: add rows of another, or choose "
            "another task.target"
        )
    if task.type == "multiclass":
        return tuple(values)
    positive = str(conversion.labels(pd.Series([task.positive]))[0])
    if positive not in values:
        raise PipelineError(f"{prefix}: task.positive is {positive}, which never occurs; classes: {listed(values)}")
    if len(values) > 2:
        raise PipelineError(f"{prefix}: has {len(values)} classes ({listed(values)}); set task.type to multiclass")
    return (next(value for value in values if value != positive), positive)


def _classes(target: "pd.Series[Any]") -> list[str]:
    distinct = target.drop_duplicates()
    if pd.api.types.is_numeric_dtype(distinct):
        return [str(text) for text in conversion.labels(distinct.sort_values())]
    return sorted(conversion.labels(distinct).unique())


def _check_regression_target(target: "pd.Series[Any]", prefix: str) -> None:
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_bool_dtype(target):
        raise PipelineError(
            f"{prefix}: is {target.dtype}; task.type regression needs numbers: "
            "declare the column as number in data/schema.yaml, or set another task.type"
        )
    values = target.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise PipelineError(f"{prefix}: holds infinity; remove those rows in the source")
    _check_float32(values, prefix)
    if target.nunique() < 2:
        raise PipelineError(f"{prefix}: is constant; there is nothing to learn: choose another task.target")
    if len(np.unique(values.astype(np.float32))) < 2:
        raise PipelineError(
            f"{prefix}: differs in digits alone that LightGBM does not keep (targets are float32, about 7 digits); "
            "subtract a constant or use another unit in the source"
        )


def _check_float32(values: "np.ndarray[Any, np.dtype[np.float64]]", prefix: str) -> None:
    """PipelineError where LightGBM, which keeps targets as float32, can't hold the values."""
    beyond = int((np.abs(values[np.isfinite(values)]) > LARGEST).sum())
    if beyond:
        raise PipelineError(
            f"{prefix}: {beyond:,} rows hold values beyond ±{LARGEST:.3g}, which LightGBM can't hold (it keeps targets "
            "as float32); use another unit, or remove those rows in the source"
        )


def encode(table: pd.DataFrame, signature: Signature) -> "np.ndarray[Any, Any]":
    """The target, (rows,): 0.0 and 1.0 for binary, the class's index for multiclass, the value for regression.

    PipelineError where the column is missing or holds a class that training did not see.
    """
    if signature.target not in table.columns:
        raise PipelineError(
            f"target {signature.target}: the table lacks this column (task.target in params.yaml); add it, or train "
            "again"
        )
    column = table[signature.target]
    if signature.task == "regression":
        values = column.to_numpy(dtype=np.float64)
        _check_float32(values, f"target {signature.target}")
        return values
    indices = codes(column, signature.classes)
    if (indices < 0).any():
        unknown = conversion.labels(column[indices < 0].drop_duplicates())
        raise PipelineError(
            f"target {signature.target}: {int((indices < 0).sum()):,} rows hold a class that no training row has "
            f"({listed(unknown)}; known: {listed(signature.classes)}); a class needs rows on every side of the split: "
            "merge rare classes in the source, add rows of them, or set another split.seed in params.yaml"
        )
    return indices.astype(np.float64) if signature.task == "binary" else indices
