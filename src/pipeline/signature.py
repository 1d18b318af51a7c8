"""What a model takes and answers: features, types, categories, classes, threshold. Learnt once, then carried along."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline import files
from pipeline.errors import PipelineError
from pipeline.params import Features, Names, Section, Split, TaskSection
from pipeline.tasks import Task

# What a date column is turned into; days count from 1970-01-01.
DATE_PARTS = ("days", "month", "weekday")


class Feature(Section):
    """A column of the model's matrix, and the column of the table that it is made from."""

    name: str
    source: str
    kind: Literal["number", "boolean", "category", "date"]
    categories: Names = ()
    nullable: bool
    minimum: float | None = None
    maximum: float | None = None


class Signature(Section):
    """Everything that scoring a row needs beside the trees."""

    task: Task
    target: str
    key: str | None
    positive: bool | int | str | None
    classes: Names
    threshold: float | None
    quantile: float
    features: tuple[Feature, ...]
    split: Split
    seen_until: str | None = None  # split by time: the newest time that training or validation saw
    device: str

    @property
    def columns(self) -> list[str]:
        """The columns of a table that the features are made from, each once."""
        return list(dict.fromkeys(feature.source for feature in self.features))


def read(path: Path) -> Signature:
    """The signature beside a model; PipelineError where it is missing, damaged or of another version."""
    files.read_json(path)  # for its errors
    try:
        return Signature.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        problem = str(error).splitlines()
        raise PipelineError(f"{path}: not a signature that this version reads ({' '.join(problem[1:3])})") from None


def learn_features(train: pd.DataFrame, chosen: Features, roles: set[str]) -> tuple[Feature, ...]:
    """The features of a training table: every column but `roles` (key, target, time) and the excluded ones.

    PipelineError for an unknown excluded column, an all-null column, or text that identifies instead of describing.
    """
    unknown = sorted(set(chosen.exclude) - set(train.columns))
    if unknown:
        raise PipelineError(
            f"params.yaml: features.exclude: {unknown[0]} is no column; columns: {_listed(train.columns)}"
        )
    columns = [name for name in train.columns if name not in roles | set(chosen.exclude)]
    features = [feature for name in columns for feature in _learn(train[name], chosen.max_categories)]
    if not features:
        raise PipelineError("no feature is left: every column is the key, the target, the time or in features.exclude")
    return tuple(features)


def _learn(column: "pd.Series[Any]", max_categories: int) -> list[Feature]:
    name, nullable = str(column.name), bool(column.isna().any())
    if column.isna().all():
        raise PipelineError(
            f"column {name}: has no value in the training rows; add it to features.exclude in params.yaml"
        )
    if pd.api.types.is_bool_dtype(column):
        return [Feature(name=name, source=name, kind="boolean", nullable=nullable)]
    if pd.api.types.is_numeric_dtype(column):
        low, high = float(column.min()), float(column.max())
        if not np.isfinite([low, high]).all():
            raise PipelineError(f"column {name}: holds infinity; replace it by a missing value in the source")
        return [Feature(name=name, source=name, kind="number", nullable=nullable, minimum=low, maximum=high)]
    if pd.api.types.is_datetime64_any_dtype(column):
        return [Feature(name=f"{name}__{part}", source=name, kind="date", nullable=nullable) for part in DATE_PARTS]
    values = tuple(sorted(column.dropna().astype(str).unique()))
    if len(values) > max_categories:
        raise PipelineError(
            f"column {name}: text with {len(values):,} different values looks like an identifier; "
            f"add it to features.exclude or raise features.max_categories (now {max_categories}) in params.yaml"
        )
    return [Feature(name=name, source=name, kind="category", categories=values, nullable=nullable)]


def encode(table: pd.DataFrame, signature: Signature) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The model's matrix, float64 (rows, features): categories as codes, NaN for a missing value or unseen category.

    PipelineError where a column is missing or is not of its type.
    """
    missing = [name for name in signature.columns if name not in table.columns]
    if missing:
        raise PipelineError(f"column {missing[0]}: the model needs it and the table lacks it")
    matrix = np.empty((len(table), len(signature.features)), dtype=np.float64, order="F")
    for position, feature in enumerate(signature.features):
        matrix[:, position] = _encode(table[feature.source], feature)
    return matrix


def _encode(column: "pd.Series[Any]", feature: Feature) -> "np.ndarray[Any, Any]":
    if feature.kind == "category":
        codes = _codes(column, feature.categories).astype(np.float64)
        codes[codes < 0] = np.nan
        return codes
    if feature.kind == "date":
        return _date_part(pd.to_datetime(column), feature.name.rsplit("__", 1)[1])
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise PipelineError(
            f"column {feature.source}: the model was trained on a {feature.kind}, the table holds {column.dtype}"
        ) from None


def _codes(column: "pd.Series[Any]", categories: tuple[str, ...]) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Each value's place in `categories`, (rows,); -1 for a missing value and for one that is not there."""
    return pd.Index(categories, dtype="str").get_indexer(pd.Index(column.astype("str"))).astype(np.int64)


def _date_part(dates: "pd.Series[pd.Timestamp]", part: str) -> "np.ndarray[Any, Any]":
    naive = dates.dt.tz_convert("UTC").dt.tz_localize(None) if dates.dt.tz is not None else dates
    values: Any = (
        (naive - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1) if part == "days" else getattr(naive.dt, part)
    )
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def learn_classes(target: "pd.Series[Any]", task: TaskSection) -> tuple[str, ...]:
    """The target's classes as text: (negative, positive) for binary, sorted for multiclass, none for regression.

    PipelineError for a missing value, too few classes, or a positive class that never occurs.
    """
    where = f"target {target.name}"
    if target.isna().any():
        raise PipelineError(
            f"{where}: {int(target.isna().sum()):,} rows have no value; remove or label them in the source"
        )
    if task.type == "regression":
        _check_regression_target(target, where)
        return ()
    values = [str(value) for value in sorted(target.unique())]
    if len(values) < 2:
        raise PipelineError(f"{where}: has one class only ({values[0]}); a model needs at least two")
    if task.type == "multiclass":
        return tuple(values)
    positive = str(task.positive)
    if positive not in values:
        raise PipelineError(f"{where}: task.positive is {positive}, which never occurs; classes: {_listed(values)}")
    if len(values) > 2:
        raise PipelineError(f"{where}: has {len(values)} classes ({_listed(values)}); set task.type to multiclass")
    return (next(value for value in values if value != positive), positive)


def _check_regression_target(target: "pd.Series[Any]", where: str) -> None:
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_bool_dtype(target):
        raise PipelineError(f"{where}: is {target.dtype}; task.type regression needs numbers")
    if not np.isfinite(target.to_numpy(dtype=np.float64)).all():
        raise PipelineError(f"{where}: holds infinity; remove those rows in the source")
    if target.nunique() < 2:
        raise PipelineError(f"{where}: is constant; there is nothing to learn")


def targets(table: pd.DataFrame, signature: Signature) -> "np.ndarray[Any, Any]":
    """The target, (rows,): 0.0 and 1.0 for binary, the class's index for multiclass, the value for regression.

    PipelineError where the column is missing or holds a class that training did not see.
    """
    if signature.target not in table.columns:
        raise PipelineError(f"target {signature.target}: the table lacks this column (task.target in params.yaml)")
    column = table[signature.target]
    if signature.task == "regression":
        return column.to_numpy(dtype=np.float64)
    codes = _codes(column, signature.classes)
    if (codes < 0).any():
        raise PipelineError(
            f"target {signature.target}: {int((codes < 0).sum()):,} rows hold a class that the training rows lack; "
            f"known: {_listed(signature.classes)}"
        )
    return codes.astype(np.float64) if signature.task == "binary" else codes.astype(np.int64)


def held_out(table: pd.DataFrame, signature: Signature) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Which rows the model was neither trained nor stopped on, by the split that it carries; (rows,)."""
    from pipeline.stages.split import sides

    time = signature.split.time
    if time is None:
        return np.asarray(sides(table, signature.key, signature.split) == "test")
    if time not in table.columns:
        raise PipelineError(f"column {time}: the model was split by it and the table lacks it")
    return (pd.to_datetime(table[time]) > pd.Timestamp(str(signature.seen_until))).to_numpy(dtype=bool)


def _listed(names: Any) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")
