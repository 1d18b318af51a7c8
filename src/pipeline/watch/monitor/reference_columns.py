"""The reference column by column, compared with windows by Evidently's two distances."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core import params
from pipeline.drift import compare, stattests
from pipeline.drift.compare import Kind

Array = npt.NDArray[Any]
Test = Literal["wasserstein", "jensenshannon"]
FEW = 5  # distinct numbers up to which Evidently compares them as categories
EVIDENTLY = 0.1  # Evidently's default threshold of both distances
UNSEEN = "(not in the reference)"  # every category that the reference lacks
HALF_NEW = 0.4645  # Jensen-Shannon distance where half of the rows have a new category


@dataclass(frozen=True)
class ReferenceColumn:
    """A column of the reference as Evidently compares it: numbers (dates in days), or categories as their positions.

    Its test is the distance that Evidently takes for a reference of more than 1,000 rows, whatever the size of this
    one: a distance means the same at every size, and its bound is calibrated.
    """

    kind: Kind
    values: "pd.Series[Any]"  # (rows,), NaN where missing
    categories: tuple[str, ...]
    test: Test

    def prepared(self, column: "pd.Series[Any]") -> "pd.Series[Any]":
        """Another table's column encoded as this one's values are, without the missing ones."""
        return _numbers(column, self.kind, self.categories).dropna()

    def score(self, column: "pd.Series[Any]", threshold: float | None) -> stattests.Score | str:
        """Evidently's distance of another table's column from this one, or why there is none."""
        before, after = self._ordered, self.prepared(column)
        if before.empty or after.empty:
            return f"no value in the {'reference' if before.empty else 'window'}"
        score = stattests.score(before, after, "num" if self.numeric else "cat", threshold, self.test)
        return score or "the distance is no number"

    def hides(self, bound: float, threshold: float | None) -> bool:
        """Whether a large change would stay within the bound, and that is not what the threshold asks for."""
        chosen = EVIDENTLY if threshold is None else threshold
        return bound >= self._large and (bound > chosen or self._large < EVIDENTLY)

    @cached_property
    def _large(self) -> float:
        """The distance of a change that nobody wants to miss: half of the rows in a new category; or each number moved
        by a standard deviation, or, where a few values make that, by the width of the middle 90 %."""
        values = self._ordered.to_numpy(float)
        if self.test == "jensenshannon" or not len(values):
            return HALF_NEW
        with np.errstate(over="ignore"):
            low, high = np.quantile(values, (0.05, 0.95), method="nearest")
            middle = (high - low) / stattests.spread(values)
        return min(1.0, float(middle)) if middle > 0 else 1.0

    @cached_property
    def _ordered(self) -> "pd.Series[Any]":
        """The values in ascending order: it does not change the distances, but sorting them again is faster."""
        return self.values.dropna().sort_values(ignore_index=True)

    @property
    def numeric(self) -> bool:
        return self.kind in ("number", "date")


@dataclass(frozen=True)
class ReferenceColumns:
    """Reference columns with the same rows."""

    columns: Mapping[str, ReferenceColumn]
    rows: int
    chosen: Array  # the rows of the table that were taken


def reference_columns(table: pd.DataFrame, kinds: Mapping[str, Kind], drift: params.Drift) -> ReferenceColumns:
    """The table's columns in `kinds` as a reference; a table of more than `drift.max_rows` rows is sampled."""
    places = pd.Series(np.arange(len(table)))
    places = places if len(table) <= drift.max_rows else places.sample(drift.max_rows, random_state=drift.seed)
    chosen = places.to_numpy()
    columns = {name: _column(table[name].iloc[chosen], kind) for name, kind in kinds.items()}
    return ReferenceColumns(columns, len(chosen), chosen)


def _column(column: "pd.Series[Any]", kind: Kind) -> ReferenceColumn:
    numeric = kind in ("number", "date")
    texts = () if numeric else tuple(sorted(compare.values(column, kind).dropna().unique()))
    values = _numbers(column, kind, texts)
    distance: Test = "wasserstein" if numeric and values.nunique() > FEW else "jensenshannon"
    return ReferenceColumn(kind, values, texts, distance)


def _numbers(column: "pd.Series[Any]", kind: Kind, categories: tuple[str, ...]) -> "pd.Series[Any]":
    values = compare.values(column, kind)
    if kind in ("number", "date"):
        return values
    places = pd.Index(categories, dtype=object).get_indexer(pd.Index(values, dtype=object)).astype(float)
    places[places < 0] = len(categories)
    places[values.isna().to_numpy()] = np.nan
    return pd.Series(places)
