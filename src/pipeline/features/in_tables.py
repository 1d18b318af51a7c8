"""Features of tables: columns as functions get them, values by batch, and for training rows by fold."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.errors import PipelineError
from pipeline.data.values import conversion, keys
from pipeline.features import failures
from pipeline.features.code import FeatureCode, FunctionError
from pipeline.features.values import Array, Input

CHUNK = 100_000  # rows that are computed at a time, so that memory does not grow with the table
FOLDS = 5  # as scikit-learn's TargetEncoder
FOLD_SEED = 1_000_003  # of the hash that gives a row its fold: another one than the split's


def arrays(rows: pd.DataFrame, inputs: Mapping[str, Input]) -> dict[str, Array]:
    """The columns of a table, read-only, (rows,) each; PipelineError where one is missing or not of its type."""
    converted = dict[str, Array]()
    for name, column in inputs.items():
        if name not in rows.columns:
            raise PipelineError(f"column {name}: the features need it and the table lacks it; add it, or train again")
        try:
            converted[name] = _array(rows[name], column).view()
        except (TypeError, ValueError):
            raise PipelineError(
                f"column {name}: the features read a {column.kind}, the table holds {rows[name].dtype}; give the "
                "column its type, or train again"
            ) from None
        converted[name].flags.writeable = False
    return converted


def _array(values: "pd.Series[Any]", column: Input) -> Array:
    if column.kind == "text":
        texts = conversion.labels(values)
        result = np.empty(len(texts), dtype=object)
        result[:] = np.where(texts.isna(), None, texts.astype(object))  # type: ignore[call-overload]
        return result
    if column.kind == "date":
        dates = pd.to_datetime(values)
        naive = dates.dt.tz_convert("UTC").dt.tz_localize(None) if dates.dt.tz is not None else dates
        return naive.to_numpy(dtype="datetime64[us]")
    if column.dtype == "bool":
        return values.to_numpy(dtype=bool)
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def folds_of(rows: pd.DataFrame, code: FeatureCode, key: str | None) -> Array | None:
    """The fold of each training row, (rows,): by a hash of its key, else of its content; None where nothing needs one.

    Out-of-fold values of training rows are what scikit-learn's TargetEncoder gives in `fit_transform` (Micci-Barreca
    2001, "A preprocessing scheme for high-cardinality categorical attributes"; cross fitting as its user guide has it).
    """
    if not code.plan.fitted:
        return None
    return np.floor(keys.fractions(rows, key, FOLD_SEED) * FOLDS).astype(np.int64)


def batches(
    rows: pd.DataFrame, code: FeatureCode, folds: Array | None = None
) -> Iterator[tuple[slice, dict[str, Array]]]:
    """The values of the features that the model sees, in batches, each with its rows' slice of the table.

    `folds`: for training rows their folds, -1 for any other row. PipelineError, in one line, where a function fails.
    """
    for start in range(0, len(rows), CHUNK):
        part = slice(start, min(start + CHUNK, len(rows)))
        inputs = arrays(rows.iloc[part], code.needed)
        yield part, compute(code, inputs, part.stop - part.start, None if folds is None else folds[part])


def compute(code: FeatureCode, inputs: Mapping[str, Array], rows: int, folds: Array | None = None) -> dict[str, Array]:
    """The values of the features that the model sees, (rows,) each; PipelineError, in one line, where one fails."""
    if folds is None:
        return _computed(code, inputs, rows, -1)
    parts = [(np.flatnonzero(folds == fold), int(fold)) for fold in np.unique(folds)]
    pieces = [
        (places, _computed(code, {name: values[places] for name, values in inputs.items()}, len(places), fold))
        for places, fold in parts
    ]
    order = np.argsort(np.concatenate([places for places, _ in pieces]), kind="stable")
    return {name: np.concatenate([piece[name] for _, piece in pieces])[order] for name in code.features}


def _computed(code: FeatureCode, inputs: Mapping[str, Array], rows: int, fold: int) -> dict[str, Array]:
    try:
        values = code.compute(inputs, rows, fold)
    except FunctionError as error:
        raise failures.explained(error, code, inputs, rows, fold) from None
    return {name: values[name] for name in code.features}
