"""Shares of a window's rows with a missing value, or with one that training never saw, against the reference's.

Chance gives a window of independent rows a binomial share. Where days of the reference differ by more than that, as
when a sensor fails for hours, the bound is what whole windows of the reference had.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from math import ceil, log, sqrt
from statistics import NormalDist

import numpy as np
import pandas as pd

from pipeline.core.errors import listed
from pipeline.watch.monitor.blocks import LEVEL, MINIMUM, Blocks
from pipeline.watch.monitor.calibration import ROUNDING, STEP
from pipeline.watch.monitor.reference_columns import Array
from pipeline.watch.monitor.window_signal import WindowSignal

DRAWS = 400  # of groups, that stand for windows
LARGE = 0.5  # share of the rows: a rise that nobody wants to miss
SEED = 0


class Shares(ABC):
    """A share by column. `limit`: up to which it is never beyond; `share`: of the windows that are beyond by chance.

    `rise`: whether a window's value is its share less the reference's.
    """

    rise: bool

    def __init__(self, limit: float, share: float, columns: tuple[str, ...], rows: int, blocks: Blocks | None) -> None:
        """`columns` and `rows` of the reference; `blocks`: which of its rows are not independent."""
        self._limit, self._share, self._columns, self._rows, self._blocks = limit, share, columns, rows, blocks
        days = blocks.days[blocks.days >= 0] if blocks else np.zeros(0)
        differ = len(np.unique(days)) > 1
        self._alike = {name for name in columns if differ and blocks and self._p_value(name, blocks.days) < LEVEL}
        self._of_windows = lru_cache(self._highest)

    @abstractmethod
    def _p_value(self, name: str, days: Array) -> float:
        """Of the test whether days (rows,), -1 for none, differ by more than independent rows do."""

    @abstractmethod
    def _excess(self, name: str, rows: Array) -> float:
        """Value of these rows of the reference against all others of it, as a window's value is one."""

    @abstractmethod
    def _expected(self, name: str) -> float:
        """The share that a window without drift has, on average."""

    @abstractmethod
    def _text(self, name: str, value: float) -> str:
        """What the column's value says."""

    def signal(self, counts: Mapping[str, int], rows: int) -> WindowSignal:
        """The column furthest beyond its bound in a window of `rows`, of which `counts` are flagged, by column."""
        if not self._columns:
            return WindowSignal(detail="no column to check")
        judged, unclear = list[tuple[float, str, float, float]](), list[str]()
        for name in self._columns:
            value = counts.get(name, 0) / rows - self.rise * self._expected(name)
            bound = self._bound(name, rows)
            if name in self._alike and bound >= LARGE and value <= bound:
                unclear.append(name)
            else:
                judged.append((value - bound, name, value, bound))
        silent = self._silent(unclear)
        if not judged:
            return WindowSignal(detail=f"no column can be judged{silent}")
        beyond, name, value, bound = max(judged, key=lambda column: column[0])
        return WindowSignal(value, bound, beyond > 0, self._text(name, value) + silent)

    def _bound(self, name: str, rows: int) -> float:
        """The largest of the parameter's, of what chance gives this many rows, and of what windows had."""
        share = self._expected(name)
        deviations = NormalDist().inv_cdf(1 - self._share / len(self._columns))
        chance = deviations * sqrt(share * (1 - share) * (1 / rows + 1 / self._rows)) + share * (not self.rise)
        if name not in self._alike or self._blocks is None:
            return max(self._limit, chance)
        if not self._blocks.enough:
            return 1.0
        # Windows of time are what they are; groups are drawn for the window's rows, on a grid of sizes.
        size = ceil(STEP ** int(log(rows, STEP))) if self._blocks.groups else self._rows
        return max(self._limit, chance, self._of_windows(name, size))

    def _highest(self, name: str, size: int) -> float:
        """The value that windows of the reference pass in the column's part of `share`, or, where they are too few to
        say, the highest of all: an alarm needs several windows beyond it."""
        assert self._blocks
        draws = self._blocks.draws(size, DRAWS, np.random.default_rng(SEED))
        values = np.sort([self._excess(name, rows) for rows in draws])
        rank = ceil((len(values) + 1) * (1 - self._share / len(self._columns)) - ROUNDING)
        return float(values[min(rank, len(values)) - 1])

    def _silent(self, unclear: list[str]) -> str:
        """Which columns can't be judged, and why."""
        if not unclear or self._blocks is None:
            return ""
        unit = "groups" if self._blocks.groups else "windows"
        few = f"there are fewer than {MINIMUM} {unit} of the reference"
        why = f"even without drift {unit} differ too much" if self._blocks.enough else few
        return f"; rows of one day or group are alike, and {why} to judge {listed(unclear)}"


class Missing(Shares):
    """Rise of the share of missing values over the reference's."""

    rise = True

    def __init__(self, table: pd.DataFrame, limit: float, share: float, blocks: Blocks | None) -> None:
        self._missing = {str(name): table[name].isna().to_numpy() for name in table.columns}
        super().__init__(limit, share, tuple(self._missing), len(table), blocks)

    def _p_value(self, name: str, days: Array) -> float:
        """Pearson's chi-squared test of equal shares."""
        from scipy import stats

        flags, places = self._missing[name][days >= 0], days[days >= 0]
        sizes = np.bincount(places).astype(float)
        counts, share = np.bincount(places, flags)[sizes > 0], float(flags.mean())
        sizes = sizes[sizes > 0]
        if share in (0.0, 1.0):
            return 1.0
        statistic = ((counts - sizes * share) ** 2 / (sizes * share * (1 - share))).sum()
        return float(stats.chi2.sf(statistic, len(sizes) - 1))

    def _excess(self, name: str, rows: Array) -> float:
        flags = self._missing[name]
        drawn, rest = int(flags[rows].sum()), len(flags) - len(rows)
        return drawn / len(rows) - (flags.sum() - drawn) / rest if rest else 0.0

    def _expected(self, name: str) -> float:
        return float(self._missing[name].mean())

    def _text(self, name: str, value: float) -> str:
        return f"{name}: {value:+.1%}"


class Unseen(Shares):
    """Share of values that training never saw."""

    rise = False

    def __init__(self, table: pd.DataFrame, limit: float, share: float, blocks: Blocks | None) -> None:
        """`table`: the columns of categories."""
        self._codes: dict[str, Array] = {str(name): pd.factorize(table[name])[0] for name in table.columns}
        self._totals = {name: np.bincount(codes[codes >= 0]) for name, codes in self._codes.items()}
        super().__init__(limit, share, tuple(self._codes), len(table), blocks)

    def _p_value(self, name: str, days: Array) -> float:
        """Of the number of categories that occur more than once, but on one day alone: Poisson, for they are rare."""
        from scipy import stats

        kept = (self._codes[name] >= 0) & (days >= 0)
        codes, places = self._codes[name][kept], days[kept]
        if not len(codes):
            return 1.0
        counts = np.bincount(codes)
        on_days = pd.Series(places).groupby(codes).nunique()
        observed = int((on_days[on_days == 1].index.map(dict(enumerate(counts))) > 1).sum())
        parts = np.bincount(places) / len(places)
        sizes, times = np.unique(counts[counts > 1], return_counts=True)
        expected = sum(float(time * (parts**size).sum()) for size, time in zip(sizes, times, strict=True))
        return float(stats.poisson.sf(observed - 1, expected)) if observed else 1.0

    def _excess(self, name: str, rows: Array) -> float:
        codes, total = self._codes[name][rows], self._totals[name]
        drawn = np.bincount(codes[codes >= 0], minlength=len(total))
        return float(drawn[drawn == total].sum()) / len(rows)

    def _expected(self, name: str) -> float:
        """The share of rows whose category occurs once (Good 1953)."""
        total = self._totals[name]
        return float((total == 1).sum()) / max(1, int(total.sum()))

    def _text(self, name: str, value: float) -> str:
        return f"{name}: {value:.1%}"
