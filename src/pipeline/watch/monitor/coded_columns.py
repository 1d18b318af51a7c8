"""Reference columns as codes of their distinct values, from which the distance of a resample is computed quickly."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.drift import stattests
from pipeline.watch.monitor.reference_columns import Array, ReferenceColumn


@dataclass(frozen=True)
class Coded:
    """A column as codes of its distinct values, from which a resample's distance is computed quickly."""

    codes: Array  # (rows,), -1 where missing
    values: Array  # (distinct,), in ascending order
    numeric: bool  # Wasserstein, else Jensen-Shannon

    @cached_property
    def total(self) -> Array:
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))

    @cached_property
    def _cumulative(self) -> tuple[Array, Array, Array, Array]:
        """Steps between the values, cumulative row counts, the values minus their mean, and the squares of those."""
        values = self.values / self._unit
        centred = values - np.average(values, weights=self.total)
        return np.diff(values), np.cumsum(self.total)[:-1], centred, centred**2

    @cached_property
    def _unit(self) -> float:
        """By what the values are divided, so that no sum of their squares overflows."""
        largest = float(np.abs(self.values).max(initial=0.0))
        return largest if largest > stattests.LARGEST else 1.0

    def distance(self, rows: Array) -> float:
        """The distance of these rows from all others, by the formula of Evidently's test; 0 where it is undefined."""
        codes = self.codes[rows]
        drawn = np.bincount(codes[codes >= 0], minlength=len(self.values))
        rest = self.total - drawn
        if not (drawn.any() and rest.any()):
            return 0.0
        return self._wasserstein(drawn, rest) if self.numeric else _jensen_shannon(drawn, rest)

    def _wasserstein(self, drawn: Array, rest: Array) -> float:
        """The area between the two distribution functions, divided by the standard deviation of the remaining rows."""
        steps, below, centred, squares = self._cumulative
        drawn_rows, rest_rows = drawn.sum(), rest.sum()
        between = np.cumsum(drawn)[:-1] * (1 / drawn_rows + 1 / rest_rows) - below / rest_rows
        variance = _dot(rest, squares) / rest_rows - (_dot(rest, centred) / rest_rows) ** 2
        deviation = max(float(np.sqrt(max(variance, 0.0))), stattests.LEAST_SPREAD / self._unit)
        return min(_dot(np.abs(between), steps) / deviation, stattests.LARGEST)


def _dot(first: Array, second: Array) -> float:
    """The sum of products in one thread: BLAS's own threads would wait for each other."""
    return float(np.einsum("i,i->", first, second))


def _jensen_shannon(first: Array, second: Array) -> float:
    """The square root of the mean relative entropy to the mixture of both (Endres & Schindelin 2003), base e."""
    first, second = first / first.sum(), second / second.sum()
    mixture = (first + second) / 2
    parts = [side[side > 0] * np.log(side[side > 0] / mixture[side > 0]) for side in (first, second)]
    return float(np.sqrt(max(sum(float(part.sum()) for part in parts) / 2, 0.0)))


def coded(column: ReferenceColumn) -> Coded:
    """A reference column as codes of its distinct values."""
    present = column.values.notna().to_numpy()
    values, places = np.unique(column.values.to_numpy(float)[present], return_inverse=True)
    codes = np.full(len(present), -1, dtype=np.int64)
    codes[present] = places
    return Coded(codes, values, column.test == "wasserstein")
