"""Columns of a window against the reference: each one's distance from it, and the bound that chance explains."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.core.errors import listed
from pipeline.core.params import Params
from pipeline.predictions.periods import Size
from pipeline.predictions.windows import Window
from pipeline.watch.monitor.blocks import MINIMUM, Blocks, blocks
from pipeline.watch.monitor.calibration import Bounds
from pipeline.watch.monitor.reference_columns import Array, ReferenceColumns, reference_columns
from pipeline.watch.monitor.reference_data import MIN_ROWS, Reference
from pipeline.watch.monitor.window_signal import ComparedColumn, WindowSignal, too_few


class Drift:
    """Data or predictions against a reference, by Evidently's distances and calibrated bounds."""

    def __init__(self, reference: ReferenceColumns, settings: Params, blocks: Blocks | None = None) -> None:
        """`blocks`: which rows of the table that the reference was taken from are not independent."""
        # At most half of the reference: a resample is compared with the other half.
        self.maximum = min(settings.monitor.max_rows, reference.rows // 2)
        self.minimum = min(settings.monitor.min_rows, self.maximum)
        self._reference, self._threshold = reference, settings.drift.threshold
        sizes, share = (self.minimum, self.maximum), settings.monitor.false_alarms
        self._blocks = blocks.rows(reference.chosen) if blocks else None
        self._bounds = Bounds(reference, share, self._threshold, sizes, blocks=self._blocks)

    def signal(self, table: pd.DataFrame) -> WindowSignal:
        """The column furthest beyond its bound, as a multiple of it: the bound of the signal is 1."""
        if short := too_few(len(table), self.minimum):
            return short
        table = table.iloc[: self.maximum]
        bounds = self._bounds.of(len(table))
        compared, left_out = dict[str, ComparedColumn](), list[str]()
        for name, column in self._reference.columns.items():
            score = column.score(table[name], self._threshold) if name in table.columns else "not logged"
            if isinstance(score, str):
                left_out.append(f"{name} ({score})")
            else:
                unclear = column.hides(bounds[name], self._threshold)
                compared[name] = ComparedColumn(score, bounds[name], unclear, name in self._bounds.shared)
        return self._furthest(compared, left_out)

    def _furthest(self, compared: Mapping[str, ComparedColumn], left_out: Sequence[str]) -> WindowSignal:
        """The column furthest beyond its bound, and which columns say nothing."""
        silent = self._silent(compared) + (f"; not compared: {listed(left_out)}" if left_out else "")
        judged = {name: column for name, column in compared.items() if column.judged}
        if not judged:
            return WindowSignal(detail=f"no column can be judged{silent}", columns=compared)
        name, worst = max(judged.items(), key=lambda item: item[1].ratio)
        beyond = sum(column.ratio > 1 for column in judged.values())
        summary = f"{beyond:,} of {len(judged):,} columns beyond, furthest" if beyond else "nearest to its bound is"
        detail = f"{summary} {name} ({worst.distance.test} {worst.distance.score:.3g}, bound {worst.bound:.3g}){silent}"
        return WindowSignal(worst.ratio, 1.0, worst.ratio > 1, detail, compared)

    def _silent(self, compared: Mapping[str, ComparedColumn]) -> str:
        """Which columns can't be judged, and why."""
        unclear = {name: column for name, column in compared.items() if not column.judged}
        uneven = [f"{name} (bound {column.bound:.3g})" for name, column in unclear.items() if not column.shared]
        shared = [name for name, column in unclear.items() if column.shared]
        text = ""
        if uneven:
            rows = f"{self._reference.rows:,} reference rows"
            text = f"; too few or too uneven to judge by are the {rows} of {listed(uneven)}"
        if shared and self._blocks:
            unit = "groups" if self._blocks.groups else "windows"
            few = f"fewer than {MINIMUM} {unit} of the reference"
            why = f"even without drift {unit} differ too much" if self._blocks.enough else f"there are {few}"
            text += f"; rows of one day or group are alike, and {why} to judge {listed(shared)}{self._remedy}"
        return text

    @property
    def _remedy(self) -> str:
        """What judges columns whose windows differ too much: longer windows differ less."""
        by_time = self._blocks and self._blocks.enough and not self._blocks.groups
        return ": longer windows (monitor.window), or monitor.reference: same_season, may" if by_time else ""


class DataDrift:
    """A window's data against the training rows, or against those of its season."""

    def __init__(self, reference: Reference, settings: Params, size: Size) -> None:
        self._reference, self._settings, self._size = reference, settings, size
        self.calendar = {} if settings.drift.calendar else reference.calendar
        self._kinds = {name: kind for name, kind in reference.kinds.items() if name not in self.calendar}
        self._by_month = dict[int | None, Drift]()

    def signal(self, window: Window) -> WindowSignal:
        """The column furthest beyond its bound, as a multiple of it: the bound of the signal is 1."""
        rows = self.rows(window)
        if len(rows) < MIN_ROWS:
            return WindowSignal(detail=f"{len(rows):,} training rows of this season, {MIN_ROWS} are needed")
        month = self._month(window)
        if month not in self._by_month:
            self._by_month[month] = self._drift(rows)
        return self._by_month[month].signal(window.sample)

    def rows(self, window: Window) -> Array:
        """The training rows that the window is compared with: all, or those of its month and the two beside it."""
        month, block = self._month(window), self._reference.train_block
        if month is None or block is None:
            return np.arange(len(self._reference.train))
        months = pd.to_datetime(block, utc=True).dt.month.to_numpy()
        return np.flatnonzero(np.isin((months - month) % 12, (11, 0, 1)))

    def _month(self, window: Window) -> int | None:
        """The month of the window's middle, where the season counts."""
        if self._settings.monitor.reference != "same_season":
            return None
        return (window.start + (window.end - window.start) / 2).month

    def _drift(self, rows: Array) -> Drift:
        block = self._reference.train_block
        columns = reference_columns(self._reference.train.iloc[rows], self._kinds, self._settings.drift)
        return Drift(columns, self._settings, None if block is None else blocks(block.iloc[rows], self._size))
