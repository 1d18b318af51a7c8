"""How far a window without drift can be from the reference: bounds calibrated to the window's size.

Rows are drawn from the reference without replacement, as many as the window has, and compared with the remaining rows:
like a window's rows, they are not part of what they are compared with. Whole rows are drawn, so that correlated columns
stay correlated.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path

import numpy as np
from pydantic import FiniteFloat

from pipeline.core import files
from pipeline.drift import stattests
from pipeline.watch.monitor.reference_columns import EVIDENTLY, Array, ReferenceColumn, ReferenceColumns

PATH = Path(".pipeline/monitor/bounds.json")
STEP = 1.25  # ratio of one calibrated size to the next smaller one
PER_ALARM = 4  # resamples for each one that may be beyond: the bound is a high rank of them
ERRATIC = 10  # multiple of its 90 % quantile that no resample reaches where a column has no absurd values
SEED = 0
MAX_CACHED = 500  # pairs of a window's size and a reference whose bounds the file keeps


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


class Bounds:
    """Each column's bound by the window's size, cached in a file under a hash of all that they depend on."""

    def __init__(
        self,
        reference: ReferenceColumns,
        share: float,
        threshold: float | None,
        sizes: tuple[int, int],
        path: Path = PATH,
    ) -> None:
        """`share` of the windows without drift in which any column may be beyond its bound; `sizes`: the smallest and
        the largest window that is compared."""
        self._coded = {name: coded(column) for name, column in reference.columns.items()}
        self._rows, self._share, self._path = reference.rows, share, path
        self._threshold = EVIDENTLY if threshold is None else threshold
        self._grid = grid(*sizes)
        self._cached: dict[str, dict[str, float]] | None = None

    def of(self, rows: int) -> Mapping[str, float]:
        """The columns' bounds for a window of `rows` compared rows: those of the next smaller size on the grid."""
        size = max((size for size in self._grid if size <= rows), default=self._grid[0])
        name = f"{self._key} {size}"
        if self._cached is None:
            self._cached = _read(self._path)
        if self._cached.get(name, {}).keys() != self._coded.keys():
            self._cached[name] = self._calibrated(size)
            recent = dict(list(self._cached.items())[-MAX_CACHED:])
            files.write_json(self._path, recent)
        return self._cached[name]

    @cached_property
    def _key(self) -> str:
        digest = hashlib.sha256(repr((self._rows, self._share, self._threshold, SEED, PER_ALARM, ERRATIC)).encode())
        for name, column in self._coded.items():
            digest.update(f"{name!r} {column.numeric}".encode())
            digest.update(column.codes.tobytes() + column.values.tobytes())
        return digest.hexdigest()[:24]

    def _calibrated(self, size: int) -> dict[str, float]:
        calibrated = family_bounds(self._resampled(size), self._share)
        bounds = np.maximum(calibrated, self._threshold)
        return {name: float(f"{bound:.6g}") for name, bound in zip(self._coded, bounds, strict=True)}

    def _resampled(self, size: int) -> Array:
        """Distances of resamples without drift, (resamples, columns)."""
        rng = np.random.default_rng(SEED)
        count = ceil(PER_ALARM / self._share)
        columns = list(self._coded.values())
        draws = (rng.choice(self._rows, size, replace=False) for _ in range(count))
        return np.array([[column.distance(rows) for column in columns] for rows in draws])


def family_bounds(null: Array, share: float) -> Array:
    """A bound for each column, so that in at most `share` of new windows without drift any column is beyond its own.

    Each column's distances are taken as multiples of their own 90 % quantile; the bound on the largest multiple is the
    rank that a new draw exceeds with probability `share` at most, since all ranks are equally likely. A column that a
    few absurd values make erratic has a bound of its own, its largest distance, and leaves the others' as they are:
    a new draw exceeds that with probability 1 / (draws + 1), which is taken from their share.
    """
    scale = np.quantile(null, 0.9, axis=0)
    multiples = np.divide(null, scale, out=np.zeros_like(null), where=scale > 0)
    erratic = multiples.max(axis=0) > ERRATIC
    count, left = len(null), share - erratic.sum() / (len(null) + 1)
    rank = min(count, ceil((count + 1) * (1 - left)))
    joint = np.sort(multiples[:, ~erratic].max(axis=1, initial=0.0))[rank - 1]
    return np.asarray(np.where(erratic, null.max(axis=0), scale * joint))


def grid(smallest: int, largest: int) -> tuple[int, ...]:
    """Sizes from the smallest to the largest, each a quarter larger than the one before."""
    sizes = [min(smallest, largest)]
    while sizes[-1] * STEP < largest:
        sizes.append(ceil(sizes[-1] * STEP))
    return tuple(dict.fromkeys([*sizes, largest]))


def coded(column: ReferenceColumn) -> Coded:
    """A reference column as codes of its distinct values."""
    present = column.values.notna().to_numpy()
    values, places = np.unique(column.values.to_numpy(float)[present], return_inverse=True)
    codes = np.full(len(present), -1, dtype=np.int64)
    codes[present] = places
    return Coded(codes, values, column.test == "wasserstein")


def _read(path: Path) -> dict[str, dict[str, float]]:
    """The cached bounds; empty where the file is missing or damaged."""
    return files.read_cache(path, dict[str, dict[str, FiniteFloat]]) or {}
