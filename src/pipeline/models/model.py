"""A trained model: the booster and its signature, loaded together and scored on tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.errors import PipelineError
from pipeline.features.code import FeatureCode
from pipeline.models import feature_code, matrix, model_text, signature
from pipeline.models.boosting import lightgbm
from pipeline.models.model_text import MODEL as MODEL
from pipeline.models.model_text import SIGNATURE as SIGNATURE
from pipeline.models.signature import Signature

CHUNK = 100_000  # rows that are encoded at a time, so that memory does not grow with the table
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Model:
    booster: Any
    signature: Signature
    code: FeatureCode | None = None

    def predict(self, table: pd.DataFrame) -> Array:
        """Probability of the positive class (rows,), of each class (rows, classes), or the value (rows,).

        Nine decimals, so that equal models give equal bytes.
        """
        return np.asarray(np.round(self._predict_in_chunks(table, {}), 9))

    def contributions(self, table: pd.DataFrame) -> Array:
        """SHAP values in the raw score's unit, (rows, features) (Lundberg et al. 2020, TreeSHAP).

        Several classes are summed by absolute value.
        """
        width = len(self.signature.features) + 1
        values = self._predict_in_chunks(table, {"pred_contrib": True}).reshape(len(table), -1, width)[:, :, :-1]
        return np.asarray(np.abs(values).sum(axis=1) if values.shape[1] > 1 else values[:, 0, :])

    def gains(self) -> Array:
        """Each feature's share of the total gain of all splits, (features,); it sums to 1."""
        gains = np.asarray(self.booster.feature_importance("gain"), dtype=np.float64)
        return np.asarray(gains / max(float(gains.sum()), np.finfo(float).tiny))

    @property
    def objective(self) -> str:
        """LightGBM's name of what was minimized, as `poisson`."""
        return str(self.booster.dump_model(num_iteration=1)["objective"]).partition(" ")[0]

    def _predict_in_chunks(self, table: pd.DataFrame, options: dict[str, Any]) -> Array:
        parts = [
            self.booster.predict(matrix.encode(table.iloc[start : start + CHUNK], self.signature, self.code), **options)
            for start in range(0, len(table), CHUNK)
        ]
        if not parts:
            raise PipelineError("the table to score has no rows; give one that has")
        return np.concatenate(parts)


def load(folder: Path) -> Model:
    """The model in `folder`; PipelineError where a file is missing or damaged."""
    path = folder / MODEL
    loaded = signature.read(folder / SIGNATURE)
    text, module = model_text.read(path), lightgbm()
    try:
        booster = module.Booster(model_str=text)
    except module.basic.LightGBMError as error:
        raise PipelineError(f"{path}: damaged ({error}); remove it and run `make run`") from None
    if booster.num_feature() != len(loaded.features):
        raise model_text.mismatch(path)
    return Model(booster, loaded, feature_code.of_model(folder, loaded))
