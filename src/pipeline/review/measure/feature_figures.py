"""The project's features in a measurement: the code that made them, and figures of each that a reviewer asks for."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import params, parquet
from pipeline.drift import compare as drifts
from pipeline.evaluation import single_feature
from pipeline.features import code as codes
from pipeline.features import in_tables, timing
from pipeline.features.code import FeatureCode
from pipeline.models import feature_code, model_text, signature, targets
from pipeline.models.signature import Signature
from pipeline.review.measure.feature_report import MAX_CODE, FeatureFigures, FeatureReport

TRAIN, TEST = Path("data/split/train.parquet"), Path("data/split/test.parquet")
MODELS = Path("models/measured")
ROWS = 20_000  # of each side that figures are made of, spread evenly
CALLS = 200  # that are timed


def report(columns_main: list[str] | None) -> FeatureReport | None:
    """The report on the feature code that the measured model was trained with; None where there is no such folder."""
    if not feature_code.COPY.is_dir():
        return None
    code = codes.read(feature_code.COPY, feature_code.FOLDS)
    texts = {name: code.package.files[name].decode("utf-8", "replace") for name in code.package.modules}
    files = texts if sum(map(len, texts.values())) <= MAX_CODE else {}
    model = signature.read(MODELS / model_text.SIGNATURE)
    metric = single_feature.METRIC[model.task]
    return FeatureReport(files=files, features=figures(code, model), alone_metric=metric, columns_main=columns_main)


def figures(code: FeatureCode, model: Signature) -> dict[str, FeatureFigures]:
    """The figures of each feature that the model sees, on rows of the work tree."""
    if not model.derived:
        return {}
    train, test = _spread(parquet.read(TRAIN)), _spread(parquet.read(TEST))
    folds = in_tables.folds_of(train, code, model.key)
    values = _values(train, code, folds), _values(test, code, None)
    encoded = targets.encode(train, model), targets.encode(test, model)
    costs, drift = _costs(code, test), _drift(values, code)
    return {
        name: FeatureFigures(
            microseconds=costs[name],
            missing=float(pd.isna(values[1][name]).mean()),
            drift=drift.get(name),
            alone=_alone(model, (values[0][name], encoded[0]), (values[1][name], encoded[1])),
        )
        for name in code.features
    }


def _spread(rows: pd.DataFrame) -> pd.DataFrame:
    places = np.unique(np.linspace(0, len(rows) - 1, ROWS).astype(int))
    return rows.iloc[places]


def _values(rows: pd.DataFrame, code: FeatureCode, folds: Any) -> dict[str, Any]:
    return in_tables.compute(code, in_tables.arrays(rows, code.needed), len(rows), folds)


def _costs(code: FeatureCode, rows: pd.DataFrame) -> dict[str, float]:
    """The microseconds of each feature's function for one row."""
    known = code.compute(in_tables.arrays(rows.iloc[:1], code.needed), 1)
    return {
        output: 1e6 * timing.seconds(known, call, 1, CALLS) for call in code.calls for output in call.function.outputs
    }


def _drift(values: tuple[dict[str, Any], dict[str, Any]], code: FeatureCode) -> dict[str, float]:
    """Each feature's distance of test from training rows over its bound; for a p-value one minus each."""
    train, test = (pd.DataFrame({name: side[name] for name in code.features}) for side in values)
    result = drifts.compare(train, test, drifts.kinds(train), params.section(params.Drift))
    strengths = {}
    for column in result["columns"]:
        score, bound = column["score"], column["threshold"]
        if str(column["test"]).endswith("p_value"):
            score, bound = 1 - score, 1 - bound
        if bound > 0 and np.isfinite(score):
            strengths[str(column["column"])] = float(score / bound)
    return strengths


def _alone(model: Signature, train: tuple[Any, Any], test: tuple[Any, Any]) -> float | None:
    return single_feature.strength(model.task, len(model.classes), train, test)
