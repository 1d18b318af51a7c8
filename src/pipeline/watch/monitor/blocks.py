"""Which rows of the reference are not independent of each other: those of one day, or of one group.

All rows of an hour share its weather, so a day is far less certain than its rows say. A window without drift is
therefore compared with other windows of the reference, not with resamples of single rows: subsampling for dependent
data (Politis & Romano 1994), where the rows of a stretch of time stay together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from pipeline.predictions import periods
from pipeline.predictions.periods import Size
from pipeline.watch.monitor.coded_columns import Coded
from pipeline.watch.monitor.reference_columns import Array

DAY = periods.UNITS["day"] * periods.SECOND  # microseconds
MINIMUM = 20  # blocks: fewer are few clusters in the literature (Cameron & Miller 2015)
FILLED = 0.5  # of the median block's rows, that a block needs to stand for a window
TESTED = 200  # blocks that are tested, at most
RESAMPLES = 400  # that the blocks are tested against, at least
TAIL = 0.05  # share of the resamples that a day is beyond by chance
LEVEL = 0.01  # of the test: a column that it names wrongly has a bound that is only less precise


@dataclass(frozen=True)
class Blocks:
    """`windows`: the block of each row that stands for a judged window (rows,), -1 for none; `days`: that of the test.

    Groups have no order in time: a window holds several of them, and `days` and `windows` are the same.
    """

    windows: Array
    days: Array
    groups: bool = False

    def rows(self, chosen: Array) -> "Blocks":
        """The chosen rows alone."""
        return Blocks(self.windows[chosen], self.days[chosen], self.groups)

    def draws(self, size: int, count: int, rng: np.random.Generator) -> Iterator[Array]:
        """Rows of windows without drift, `size` of each at most: every window of the reference, or of groups `count`
        draws of whole ones."""
        blocks = members(self.windows)
        if self.groups:
            for _ in range(count):
                order = rng.permutation(len(blocks))
                needed = int(np.searchsorted(np.cumsum([len(blocks[i]) for i in order]), size)) + 1
                yield _at_most(np.concatenate([blocks[i] for i in order[:needed]]), size, rng)
        else:
            yield from (_at_most(rows, size, rng) for rows in filled(blocks))

    @property
    def enough(self) -> bool:
        """Whether there are enough blocks to judge by."""
        return len(filled(members(self.windows))) >= MINIMUM

    @property
    def usual(self) -> float:
        """Rows of the median window; without limit for groups, of which a window takes as many as it needs."""
        return np.inf if self.groups else float(np.median([len(rows) for rows in members(self.windows)] or [0]))


def blocks(column: "pd.Series[Any]", size: Size) -> Blocks:
    """The blocks of a table's column (rows,): dates give windows of this size, other values are groups."""
    if not pd.api.types.is_datetime64_any_dtype(column):
        codes = pd.factorize(column)[0]
        return Blocks(codes, codes, groups=True)
    missing = column.isna().to_numpy()
    micros = pd.to_datetime(column, utc=True).to_numpy(dtype="datetime64[us]").astype(np.int64)
    if size.micros is None:
        order = pd.Series(micros).rank(method="first").to_numpy().astype(np.int64) - 1
        places = np.where(missing, -1, order // (size.rows or 1))
        return Blocks(places, places)
    return Blocks(_places(micros, size.micros, missing), _places(micros, min(size.micros, DAY), missing))


def shared(columns: Mapping[str, Coded], blocks: Blocks, seed: int) -> frozenset[str]:
    """The columns of which days (or groups) differ more than as many single rows do.

    The distance that is judged is taken of each day and of as many rows drawn at random. Without dependence 5 % of the
    days are beyond the 95 % quantile of the draws; more of them, by the binomial test, say that the rows of a day are
    not independent. So do a few days that differ from all others, as a schedule's weekends do.
    """
    from scipy import stats

    rng = np.random.default_rng(seed)
    days = filled([rows for rows in members(blocks.days) if len(rows) > 1])
    if len(days) < 2:
        return frozenset()
    tested = [days[i] for i in rng.permutation(len(days))[:TESTED]]
    sizes = [len(rows) for rows in tested] * ceil(RESAMPLES / len(tested))
    drawn = [rng.choice(len(blocks.days), rows, replace=False) for rows in sizes]

    def p_value(column: Coded) -> float:
        usual = np.quantile([column.distance(rows) for rows in drawn], 1 - TAIL)
        beyond = sum(column.distance(rows) > usual for rows in tested)
        return float(stats.binom.sf(beyond - 1, len(tested), TAIL))

    return frozenset(name for name, column in columns.items() if p_value(column) < LEVEL)


def members(codes: Array) -> list[Array]:
    """The rows of each block."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return [rows for rows in np.split(order, starts)[1:] if len(rows)]


def filled(blocks: list[Array]) -> list[Array]:
    """The blocks without those that hold less than half of what a usual one does, as a day on which data begin."""
    usual = np.median([len(rows) for rows in blocks]) if blocks else 0
    return [rows for rows in blocks if len(rows) >= FILLED * usual]


def _places(micros: Array, width: int, missing: Array) -> Array:
    places = micros // width
    return np.where(missing, -1, places - places[~missing].min(initial=places.max(initial=0)))


def _at_most(rows: Array, size: int, rng: np.random.Generator) -> Array:
    return rows if len(rows) <= size else rng.choice(rows, size, replace=False)
