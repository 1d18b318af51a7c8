"""Columns of a table into the model's matrix: learnt once from the training rows, and applied at every scoring."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.errors import PipelineError, listed
from pipeline.core.params import Features
from pipeline.data.values import conversion, former_texts
from pipeline.features.code import FeatureCode
from pipeline.models import categories, derived
from pipeline.models.signature import DATE_PARTS, Feature, Signature


def learn(
    train: pd.DataFrame,
    settings: Features,
    roles: set[str],
    code: FeatureCode | None = None,
    folds: derived.Array | None = None,
) -> tuple[Feature, ...]:
    """The features of a training table: every column but `roles` (key, target, time) and the excluded ones, then those
    that `code` computes. `folds`: the fold of each row, -1 for one outside the folds (features/in_tables.py).

    PipelineError for an unknown excluded column, an all-null column, or text or whole numbers that identify.
    """
    unknown = sorted(set(settings.exclude) - set(train.columns))
    if unknown:
        raise PipelineError(
            f"params.yaml: features.exclude: {unknown[0]} is no column; columns: {listed(train.columns)}"
        )
    columns = [name for name in train.columns if name not in roles | set(settings.exclude)]
    taken = {*map(str, train.columns), *(code.features if code else ())}
    features = [feature for name in columns for feature in _learn_column(train[name], settings.max_categories, taken)]
    if code:
        features += derived.learn(train, code, settings.max_categories, folds)
    if not features:
        raise PipelineError(
            "no feature is left: every column is the key, the target, the time or in features.exclude (params.yaml); "
            "add columns to the data, or exclude fewer"
        )
    return tuple(features)


def _learn_column(column: "pd.Series[Any]", max_categories: int, taken: set[str]) -> list[Feature]:
    """A column's features; the names of its parts are added to those that are `taken`."""
    name, nullable = str(column.name), bool(column.isna().any())
    if column.isna().all():
        raise PipelineError(
            f"column {name}: has no value in any of the {len(column):,} training rows; add it to features.exclude in "
            "params.yaml, or bring its values back in the source"
        )
    if pd.api.types.is_bool_dtype(column):
        return [Feature(name=name, source=name, kind="boolean", nullable=nullable)]
    if pd.api.types.is_numeric_dtype(column):
        low, high = float(column.min()), float(column.max())
        if not np.isfinite([low, high]).all():
            raise PipelineError(f"column {name}: holds infinity; replace it by a missing value in the source")
        _check_no_identifier(column)
        return [Feature(name=name, source=name, kind="number", nullable=nullable, minimum=low, maximum=high)]
    if pd.api.types.is_datetime64_any_dtype(column):
        return [
            Feature(name=_part_name(name, part, taken), source=name, kind="date", nullable=nullable)
            for part in DATE_PARTS
        ]
    texts = conversion.labels(column.dropna())
    values = categories.learn(f"column {name}", texts.unique(), len(texts), max_categories)
    return [Feature(name=name, source=name, kind="category", categories=values, nullable=nullable)]


def _check_no_identifier(column: "pd.Series[Any]") -> None:
    """PipelineError for whole numbers of which none occurs twice: they number the rows, and a model would learn the
    order of the file from them."""
    values = column.dropna()
    if pd.api.types.is_integer_dtype(values) and len(values) >= categories.ENOUGH_VALUES and values.is_unique:
        raise PipelineError(
            f"column {column.name}: whole numbers of which none occurs twice in {len(values):,} training rows look "
            "like an identifier; name it in data.key or add it to features.exclude in params.yaml, or, where it is an "
            "amount, declare it as type number in data/schema.yaml"
        )


def _part_name(column: str, part: str, taken: set[str]) -> str:
    """A name for a part of a date that no column and no other part has: when__month, else when__date__month."""
    name = f"{column}__{part}"
    while name in taken:
        column += "__date"
        name = f"{column}__{part}"
    taken.add(name)
    return name


def encode(
    table: pd.DataFrame, signature: Signature, code: FeatureCode | None = None, folds: derived.Array | None = None
) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The model's matrix, float64 (rows, features): categories as codes, NaN for a missing value or unseen category.

    `code` and `folds` as for `learn`. PipelineError where a column is missing or is not of its type.
    """
    missing = [name for name in signature.columns if name not in table.columns]
    if missing:
        raise PipelineError(f"column {missing[0]}: the model needs it and the table lacks it; add it, or train again")
    if signature.derived and code is None:
        raise ValueError("the model needs its feature code")  # else its columns would be left as they lie in memory
    matrix = np.empty((len(table), len(signature.features)), dtype=np.float64, order="F")
    if code:
        derived.encode(matrix, table, signature, code, folds)
    for position, feature in enumerate(signature.features):
        if feature.source not in signature.derived:
            matrix[:, position] = _encode_column(table[feature.source], feature, former=signature.format == 1)
    return matrix


def _encode_column(column: "pd.Series[Any]", feature: Feature, *, former: bool) -> "np.ndarray[Any, Any]":
    if feature.kind == "category":
        values = codes(column, feature.categories, former=former).astype(np.float64)
        values[values < 0] = np.nan
        return values
    try:
        if feature.kind == "date":
            assert feature.part is not None
            return _date_part(pd.to_datetime(column), feature.part)
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise PipelineError(
            f"column {feature.source}: the model was trained on a {feature.kind}, the table holds {column.dtype}; give "
            "the column its type, or train again"
        ) from None


def _date_part(dates: "pd.Series[pd.Timestamp]", part: str) -> "np.ndarray[Any, Any]":
    naive = dates.dt.tz_convert("UTC").dt.tz_localize(None) if dates.dt.tz is not None else dates
    values: Any = (
        (naive - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1) if part == "days" else getattr(naive.dt, part)
    )
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def codes(
    column: "pd.Series[Any]", categories: tuple[str, ...], *, former: bool = False
) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Each value's position in `categories`, (rows,); -1 for a missing value and for one that is not in them.

    `former`: the categories are texts of format 1.
    """
    texts = conversion.labels(column)
    places = pd.Index(categories, dtype="str").get_indexer(pd.Index(texts)).astype(np.int64)
    unknown = texts[places < 0].dropna().unique() if former else ()
    former_codes = {text: at for text in unknown for at, name in enumerate(categories) if name in _former(text)}
    return np.where(places < 0, texts.map(former_codes).fillna(-1), places).astype(np.int64) if former_codes else places


@cache
def _former(text: str) -> frozenset[str]:
    return frozenset(former_texts.alternatives(text))
