"""Features that the project's code computes, in the model's matrix: learnt and filled in batch by batch."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.errors import PipelineError
from pipeline.features import in_tables
from pipeline.features.code import FeatureCode
from pipeline.features.values import FINISHED_KINDS, encoded
from pipeline.models import categories
from pipeline.models.signature import Feature, Signature, codes_of

Array = np.ndarray[Any, Any]
OFF = "features.off"


@dataclass
class _Seen:
    """What was seen of a feature so far."""

    kind: str = ""
    rows: int = 0
    present: int = 0
    low: float = np.inf
    high: float = -np.inf
    texts: set[str] = field(default_factory=set)

    def add(self, values: Array) -> None:
        self.kind = FINISHED_KINDS[values.dtype.kind]
        self.rows += len(values)
        if self.kind == "text":
            present = [value for value in values.tolist() if value is not None]
            self.texts.update(present)
            self.present += len(present)
            return
        numbers = values[~np.isnan(values)] if self.kind == "number" else values
        self.present += len(numbers)
        if len(numbers):
            self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))


def learn(train: pd.DataFrame, code: FeatureCode, max_categories: int, folds: Array | None) -> list[Feature]:
    """The features of the training rows; PipelineError where one has no value, or is text that identifies."""
    seen = {name: _Seen() for name in code.features}
    for _, values in in_tables.batches(train, code, folds):
        for name, column in values.items():
            seen[name].add(column)
    return [_feature(name, one, max_categories) for name, one in seen.items()]


def _feature(name: str, seen: _Seen, max_categories: int) -> Feature:
    place, nullable = f"feature {name}", seen.present < seen.rows
    if not seen.present:
        raise PipelineError(
            f"{place}: has no value in any of the {seen.rows:,} training rows; correct its function, or add it to "
            f"{OFF} in params.yaml"
        )
    if seen.kind == "text":
        values = categories.learn(place, seen.texts, seen.present, max_categories, OFF)
        return Feature(name=name, source=name, kind="category", categories=values, nullable=nullable)
    if seen.kind == "boolean":
        return Feature(name=name, source=name, kind="boolean", nullable=nullable)
    return Feature(name=name, source=name, kind="number", nullable=nullable, minimum=seen.low, maximum=seen.high)


def encode(
    matrix: Array, table: pd.DataFrame, signature: Signature, code: FeatureCode, folds: Array | None = None
) -> None:
    """Fill in the matrix's columns of the features that the code computes."""
    places = [(place, one) for place, one in enumerate(signature.features) if one.source in signature.derived]
    codes = {one.name: codes_of(one) for _, one in places}
    for part, values in in_tables.batches(table, code, folds):
        for place, one in places:
            matrix[part, place] = encoded(values[one.name], codes[one.name])
