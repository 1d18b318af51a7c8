"""How far a window without drift can be from the reference: bounds calibrated to the window's size.

Rows are drawn from the reference without replacement, as many as the window has, and compared with the remaining rows:
like a window's rows, they are not part of what they are compared with. Whole rows are drawn, so that correlated columns
stay correlated. Of columns that the rows of a day share, whole windows of the reference are taken instead.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from math import ceil
from pathlib import Path

import numpy as np
from pydantic import FiniteFloat

from pipeline.core import files
from pipeline.drift import stattests
from pipeline.watch.monitor.blocks import FILLED, Blocks, shared
from pipeline.watch.monitor.coded_columns import coded
from pipeline.watch.monitor.reference_columns import EVIDENTLY, Array, ReferenceColumns

PATH = Path(".pipeline/monitor/bounds.json")
STEP = 1.25  # ratio of one calibrated size to the next smaller one
PER_ALARM = 4  # resamples for each one that may be beyond: the bound is a high rank of them
ERRATIC = 10  # multiple of its 90 % quantile that no resample reaches where a column has no absurd values
SEED = 0
ROUNDING = 1e-9
MAX_CACHED = 500  # pairs of a window's size and a reference whose bounds the file keeps


class Bounds:
    """Each column's bound by the window's size, cached in a file under a hash of all that they depend on."""

    def __init__(
        self,
        reference: ReferenceColumns,
        share: float,
        threshold: float | None,
        sizes: tuple[int, int],
        path: Path = PATH,
        blocks: Blocks | None = None,
    ) -> None:
        """`share` of the windows without drift in which any column may be beyond its bound; `sizes`: the smallest and
        the largest window that is compared; `blocks`: which rows of the reference are not independent."""
        self._coded = {name: coded(column) for name, column in reference.columns.items()}
        self._rows, self._share, self._path, self._blocks = reference.rows, share, path, blocks
        self._threshold = EVIDENTLY if threshold is None else threshold
        self._grid = grid(*sizes)
        self._cache: dict[str, dict[str, float]] | None = None

    def of(self, rows: int) -> Mapping[str, float]:
        """The columns' bounds for a window of `rows` compared rows: those of the next smaller size on the grid."""
        size = max((size for size in self._grid if size <= rows), default=self._grid[0])
        name = f"{self._key} {size}"
        return self._cached(name, lambda: self._calibrated(size))

    def _cached(self, name: str, compute: Callable[[], dict[str, float]]) -> dict[str, float]:
        if self._cache is None:
            self._cache = _read(self._path)
        if self._cache.get(name, {}).keys() != self._coded.keys():
            self._cache[name] = compute()
            recent = dict(list(self._cache.items())[-MAX_CACHED:])
            files.write_json(self._path, recent)
        return self._cache[name]

    @cached_property
    def _key(self) -> str:
        digest = hashlib.sha256(repr((self._rows, self._share, self._threshold, SEED, PER_ALARM, ERRATIC)).encode())
        if self._blocks:
            digest.update(repr(self._blocks.groups).encode())
            digest.update(self._blocks.windows.tobytes() + self._blocks.days.tobytes())
        for name, column in self._coded.items():
            digest.update(f"{name!r} {column.numeric}".encode())
            digest.update(column.codes.tobytes() + column.values.tobytes())
        return digest.hexdigest()[:24]

    @cached_property
    def shared(self) -> frozenset[str]:
        """The columns whose rows of a day (or group) are not independent."""
        blocks = self._blocks
        if blocks is None:
            return frozenset()
        are_shared = self._cached(f"{self._key} shared", lambda: self._tested(blocks))
        return frozenset(name for name, is_shared in are_shared.items() if is_shared)

    def _tested(self, blocks: Blocks) -> dict[str, float]:
        """1 for each column that is shared, 0 for the others."""
        names = shared(self._coded, blocks, SEED)
        return {name: float(name in names) for name in self._coded}

    def _calibrated(self, size: int) -> dict[str, float]:
        blocks, names = self._blocks, list(self._coded)
        if blocks is None:
            return self._rounded(self._family(names, self._resamples(size), self._share))
        alone = [name for name in names if name not in self.shared]
        bounds = dict.fromkeys(self.shared, stattests.LARGEST) if not blocks.enough else dict.fromkeys(names, 0.0)
        bounds |= self._family(alone, self._resamples(size), self._share / 2)
        # Where days hold enough rows, of all columns: a few days may differ where most don’t.
        together = names if blocks.usual >= FILLED * size else sorted(self.shared)
        if blocks.enough:
            of_blocks = self._family(together, blocks.draws(size, self._count, self._random()), self._share / 2)
            bounds |= {name: max(bound, bounds[name]) for name, bound in of_blocks.items()}
        return self._rounded(bounds)

    def _rounded(self, bounds: Mapping[str, float]) -> dict[str, float]:
        """The bounds in the columns' order, none below the threshold."""
        return {name: float(f"{max(bounds[name], self._threshold):.6g}") for name in self._coded}

    def _family(self, names: Sequence[str], draws: Iterable[Array], share: float) -> dict[str, float]:
        """The bounds of these columns, from the rows of windows without drift."""
        if not names:
            return {}
        null = np.array([[self._coded[name].distance(rows) for name in names] for rows in draws])
        return dict(zip(names, family_bounds(null, share).tolist(), strict=True))

    def _resamples(self, size: int) -> Iterator[Array]:
        """Single rows, drawn at random."""
        rng = self._random()
        return (rng.choice(self._rows, size, replace=False) for _ in range(self._count))

    @staticmethod
    def _random() -> np.random.Generator:
        return np.random.default_rng(SEED)

    @property
    def _count(self) -> int:
        return ceil(PER_ALARM / self._share)


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
    own = 1 / (len(null) + 1)
    enough = own <= share
    left = max(share - erratic.sum() * own, own) if enough else share
    joint = limit(multiples[:, ~erratic].max(axis=1, initial=0.0), left)
    return np.asarray(np.where(erratic, null.max(axis=0) if enough else stattests.LARGEST, scale * joint))


def limit(null: Array, share: float) -> float:
    """What a new draw exceeds with probability `share` at most, given draws of the same kind (draws,), none negative.

    The rank that has that probability, whatever the distribution; fewer draws than it needs give the prediction limit
    of a log-normal distribution (Hahn & Meeker 1991).
    """
    from scipy import stats

    count = len(null)
    rank = ceil((count + 1) * (1 - share) - ROUNDING)
    positive = np.log(null[null > 0])
    if rank <= count or len(positive) < 2:
        return float(np.sort(null)[min(rank, count) - 1])
    spread = float(positive.std(ddof=1)) * np.sqrt(1 + 1 / len(positive))
    return float(np.exp(positive.mean() + stats.t.ppf(1 - share, len(positive) - 1) * spread))


def grid(smallest: int, largest: int) -> tuple[int, ...]:
    """Sizes from the smallest to the largest, each a quarter larger than the one before."""
    sizes = [min(smallest, largest)]
    while sizes[-1] * STEP < largest:
        sizes.append(ceil(sizes[-1] * STEP))
    return tuple(dict.fromkeys([*sizes, largest]))


def _read(path: Path) -> dict[str, dict[str, float]]:
    """The cached bounds; empty where the file is missing or damaged."""
    return files.read_cache(path, dict[str, dict[str, FiniteFloat]]) or {}
