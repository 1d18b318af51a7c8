"""How far the features of the project's code drift from training to test rows: shown, and judged by nobody."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core import params, parquet
from pipeline.drift import compare as drifts
from pipeline.features import in_tables
from pipeline.features.code import FeatureCode


def compare(
    signature_path: Path, code_paths: tuple[Path, Path], tables: tuple[Path, Path], drift: params.Drift
) -> dict[str, Any]:
    """`features`, with `columns` and `skipped` as of the report's columns; nothing where the model has none.

    `code_paths`: the folder of the feature code, and the states of its folds; `tables`: training rows, and others.
    """
    from pipeline.models import feature_code, signature

    model, code = signature.read(signature_path), feature_code.for_training(*code_paths)
    if code is None:
        return {}
    training, others = (drifts.sample(_read(path, code, model.key), drift) for path in tables)
    before = _values(training, code, in_tables.folds_of(training, code, model.key))
    kinds = {one.source: one.kind for one in model.features if one.source in model.derived}
    result = drifts.compare(before, _values(others, code, None), kinds, drift)
    return {"features": {"columns": result["columns"], "skipped": result["skipped"]}}


def _read(path: Path, code: FeatureCode, key: str | None) -> pd.DataFrame:
    """The rows with what the features and the folds need: without a key these need whole rows."""
    if code.plan.fitted and key is None:
        return parquet.read(path)
    return parquet.read(path, list(dict.fromkeys([*code.needed, *([key] if key else [])])))


def _values(rows: pd.DataFrame, code: FeatureCode, folds: Any) -> pd.DataFrame:
    return pd.DataFrame(in_tables.compute(code, in_tables.arrays(rows, code.needed), len(rows), folds))
