"""Training itself: tables in, a booster out. The train stage and `pipeline tune` share it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.core.errors import PipelineError, listed
from pipeline.core.params import Data, Features, Split, TaskSection, Train
from pipeline.data.values import former_texts
from pipeline.features import in_tables
from pipeline.features.code import FeatureCode
from pipeline.models import matrix, targets
from pipeline.models.boosting import Device, lightgbm
from pipeline.models.signature import Feature, RawColumn, Signature, own_columns

Array = np.ndarray[Any, Any]
# Objectives whose logarithm needs targets of one sign (LightGBM's documentation of `objective`).
SIGNS = {"poisson": "not negative", "tweedie": "not negative", "gamma": "above 0"}


@dataclass(frozen=True)
class Settings:
    """The sections of `params.yaml` that shape a model, and the project's feature code."""

    data: Data
    task: TaskSection
    features: Features
    split: Split
    train: Train
    code: FeatureCode | None = None  # with what it learnt from the training rows; None: the project has no features


@dataclass(frozen=True)
class Prepared:
    """Both tables in LightGBM's format; `signature` has no threshold yet, which depends on the trained model."""

    signature: Signature
    train: Any
    validation: Any
    validation_matrix: Array
    validation_target: Array


@dataclass(frozen=True)
class Fitted:
    """A trained booster, its best iteration (from 1), the validation loss after each tree, the rows of each table."""

    booster: Any
    best_iteration: int
    loss: str
    curve: list[float]
    rows: dict[str, int]


def prepare(train: pd.DataFrame, validation: pd.DataFrame, settings: Settings) -> Prepared:
    """Learn the signature from the training rows and bin both tables.

    PipelineError for a target or columns that a model can't learn from.
    """
    folds = folds_of(train, (), settings)
    signature = learn(train, (validation,), settings, folds)
    dataset = binned(train, signature, settings, folds)
    validation_matrix = matrix.encode(validation, signature, settings.code)
    validation_target = targets.encode(validation, signature)
    validation_set = dataset.create_valid(validation_matrix, validation_target)
    return Prepared(signature, dataset, validation_set, validation_matrix, validation_target)


def folds_of(train: pd.DataFrame, others: Sequence[pd.DataFrame], settings: Settings) -> Array | None:
    """The fold of each training row and then -1 for each row of the others, (rows,); None where no feature needs one.

    A row whose target a state was fitted on is computed with the state of the other folds.
    """
    folds = in_tables.folds_of(train, settings.code, settings.data.key) if settings.code else None
    return None if folds is None else np.append(folds, np.full(sum(map(len, others)), -1))


def binned(rows: pd.DataFrame, signature: Signature, settings: Settings, folds: Array | None = None) -> Any:
    """The rows as a dataset of LightGBM; PipelineError for targets of a sign that the objective does not take.

    `folds`: as `folds_of` gives them.
    """
    knobs, target = settings.train, targets.encode(rows, signature)
    _check_sign(target, knobs, settings.task)
    categorical = [i for i, feature in enumerate(signature.features) if feature.kind == "category"]
    dataset = lightgbm().Dataset(
        matrix.encode(rows, signature, settings.code, folds),
        target,
        weight=_class_weights(target) if knobs.class_weight == "balanced" else None,
        categorical_feature=categorical,
        params={"verbosity": -1, "feature_pre_filter": False, "data_random_seed": knobs.seed},
        free_raw_data=True,
    )
    dataset.construct()
    return dataset


def fit(
    prepared: Prepared, knobs: Train, device: Device = "cpu", callbacks: Sequence[Callable[[Any], None]] = ()
) -> Fitted:
    """Train with early stopping on the validation rows; `callbacks` are LightGBM's."""
    module, curve = lightgbm(), dict[str, Any]()
    booster = module.train(
        options(prepared.signature, knobs, device),
        prepared.train,
        num_boost_round=knobs.max_trees,
        valid_sets=[prepared.validation],
        valid_names=["validation"],
        callbacks=[
            module.record_evaluation(curve),
            module.early_stopping(knobs.early_stopping, verbose=False),
            *callbacks,
        ],
    )
    ((loss, values),) = curve["validation"].items()
    rows = {"train": int(prepared.train.num_data()), "validation": len(prepared.validation_target)}
    return Fitted(booster, booster.best_iteration or booster.current_iteration(), loss, values, rows)


def options(signature: Signature, knobs: Train, device: Device) -> dict[str, Any]:
    """LightGBM's parameters. Never a thread count: it would be written into the model (set OMP_NUM_THREADS)."""
    objective = signature.task if knobs.objective == "auto" else knobs.objective
    parameters: dict[str, Any] = {
        "objective": objective,
        "device_type": device,
        "seed": knobs.seed,
        "learning_rate": knobs.learning_rate,
        "num_leaves": knobs.num_leaves,
        "min_data_in_leaf": knobs.min_data_in_leaf,
        "feature_fraction": knobs.feature_fraction,
        "bagging_fraction": knobs.bagging_fraction,
        "bagging_freq": int(knobs.bagging_fraction < 1),
        "lambda_l1": knobs.lambda_l1,
        "lambda_l2": knobs.lambda_l2,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    if signature.task == "multiclass":
        parameters["num_class"] = len(signature.classes)
    if objective == "quantile":
        parameters["alpha"] = knobs.quantile
    if knobs.monotone:
        parameters["monotone_constraints"] = _monotone(signature, knobs)
    return parameters


def with_threshold(prepared: Prepared, fitted: Fitted, task: TaskSection) -> Signature:
    """The signature with the threshold of a binary model: task.threshold, or that of the best F1 on validation."""
    signature = prepared.signature
    if signature.task != "binary":
        return signature
    if not isinstance(task.threshold, str):
        return signature.model_copy(update={"threshold": float(task.threshold)})
    score = fitted.booster.predict(prepared.validation_matrix, num_iteration=fitted.best_iteration)
    return signature.model_copy(update={"threshold": best_f1(prepared.validation_target, score)})


def best_f1(target: Array, score: Array) -> float:
    """The threshold t, six decimals, at which `score >= t` has the highest F1 (van Rijsbergen 1979); both (rows,)."""
    order = np.argsort(-score, kind="stable")
    true_positives = np.cumsum(target[order])
    f1 = 2 * true_positives / (np.arange(1, len(score) + 1) + target.sum())
    last_of_ties = np.append(np.diff(score[order]) != 0, True)
    best = int(np.argmax(np.where(last_of_ties, f1, -1.0)))
    return float(np.floor(score[order][best] * 1e6) / 1e6)


def learn(
    train: pd.DataFrame, others: Sequence[pd.DataFrame], settings: Settings, folds: Array | None = None
) -> Signature:
    """The signature of the training rows, without a threshold; `others` took part in training in another way.

    PipelineError for a target or columns that a model can't learn from.
    """
    task, key, split, knobs = settings.task, settings.data.key, settings.split, settings.train
    named = {"task.target": task.target, "data.key": key, "split.time": split.time, "split.group": split.group}
    for place, name in named.items():
        for side in (train, *others):
            if name and name not in side.columns:
                columns = listed(side.columns)
                raise PipelineError(f"params.yaml: {place}: {name} is no column of the data; columns: {columns}")
    roles = {name for name in named.values() if name}
    newest = max(rows[split.time].max() for rows in (train, *others)) if split.time else None
    features = matrix.learn(train, settings.features, roles, settings.code, folds)
    return Signature(
        format=4 if settings.code else _format((train, *others), key, features),
        **_of_code(settings.code, features),
        task=task.type,
        target=task.target,
        key=key,
        positive=task.positive if task.type == "binary" else None,
        classes=targets.learn(train[task.target], task),
        threshold=None,
        quantile=knobs.quantile if knobs.objective == "quantile" else 0.5,
        features=features,
        split=split,
        seen_until=str(newest) if split.time else None,
        hashed=tuple(map(str, train.columns)) if key is None else (),
        device="cpu",
    )


def _of_code(code: FeatureCode | None, features: Sequence[Feature]) -> dict[str, Any]:
    """The signature's fields on the features that the code computes, and on the columns that they need."""
    if code is None:
        return {}
    own = own_columns(feature for feature in features if feature.source not in code.features)
    names = {column.name for column in own}
    feeding = [
        RawColumn(name=name, kind="category" if column.kind == "text" else column.kind, nullable=column.nullable)
        for name, column in code.needed.items()
        if name not in names
    ]
    return {"raw": (*own, *feeding), "derived": code.features, "code": code.version}


def _format(sides: Sequence[pd.DataFrame], key: str | None, features: Sequence[Feature]) -> Literal[1, 2]:
    """2 where format 1 may give a key, a hashed row or a category another text."""
    columns = [side[name] for side in sides for name in ([key] if key else side.columns)]
    categories = [pd.Series(feature.categories, dtype="str") for feature in features]
    texts = any(former_texts.differ(column) for column in categories)
    return 2 if texts or any(former_texts.differ(column, words=key is None) for column in columns) else 1


def _monotone(signature: Signature, knobs: Train) -> list[int]:
    kinds = {feature.name: feature.kind for feature in signature.features}
    for name in knobs.monotone:
        if kinds.get(name) not in ("number", "boolean"):
            numeric = ", ".join(n for n, kind in kinds.items() if kind in ("number", "boolean"))
            raise PipelineError(f"params.yaml: train.monotone: {name} is no numeric feature; allowed: {numeric}")
    return [knobs.monotone.get(feature.name, 0) for feature in signature.features]


def _class_weights(target: Array) -> Array:
    """Weights that give each class the same sum: rows / (classes × rows of the class); (rows,)."""
    classes, position, counts = np.unique(target, return_inverse=True, return_counts=True)
    return np.asarray((len(target) / (len(classes) * counts))[position])


def _check_sign(target: Array, knobs: Train, task: TaskSection) -> None:
    required = SIGNS.get(knobs.objective)
    if required is None:
        return
    target = target.astype(np.float32)  # as LightGBM keeps it: a value next to 0 becomes 0
    if (target < 0).any() or (required == "above 0" and (target <= 0).any()):
        raise PipelineError(
            f"params.yaml: train.objective: {knobs.objective} needs targets {required}, and {task.target} has others; "
            "allowed then: regression, regression_l1, huber, quantile"
        )
