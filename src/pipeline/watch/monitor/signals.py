"""What each window says: a value and a bound for every signal, or why it can't be judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import NormalDist, median

import pandas as pd

from pipeline.core.params import Params
from pipeline.drift.stattests import Score
from pipeline.predictions.windows import Window
from pipeline.watch.monitor.calibration import Bounds
from pipeline.watch.monitor.performance import Performance
from pipeline.watch.monitor.reference import Reference, predictions
from pipeline.watch.monitor.reference_columns import Population, population
from pipeline.watch.monitor.result import Metric

NAMES = ("data_drift", "prediction_drift", "performance", "missing", "unseen", "volume", "latency")
BEFORE = 3  # windows that a usual volume takes


@dataclass(frozen=True)
class Compared:
    """A column's score in a window, and its bound there."""

    found: Score
    bound: float

    @property
    def ratio(self) -> float:
        return self.found.score / self.bound


@dataclass(frozen=True)
class Found:
    """A signal in a window. `beyond` is None where it can't be judged, and `told` says why; else what moved most."""

    value: float | None = None
    bound: float | None = None
    beyond: bool | None = None
    told: str = ""
    columns: Mapping[str, Compared] = field(default_factory=dict)
    metric: Metric | None = None


def enough_rows(rows: int, least: int) -> Found | None:
    return None if rows >= least else Found(told=f"{rows:,} rows, {least:,} are needed")


class Drift:
    """Data or predictions against a reference, by Evidently's distances and calibrated bounds."""

    def __init__(self, reference: Population, settings: Params) -> None:
        # Half of the reference at most: the other half is what a resample is compared with.
        self.most = min(settings.monitor.max_rows, reference.rows // 2)
        self.least = min(settings.monitor.min_rows, self.most)
        self._reference, self._threshold = reference, settings.drift.threshold
        self._bounds = Bounds(reference, settings.monitor.false_alarms, self._threshold, (self.least, self.most))

    def found(self, table: pd.DataFrame) -> Found:
        """The column furthest beyond its bound, as a multiple of it: the bound of the signal is 1."""
        if short := enough_rows(len(table), self.least):
            return short
        table = table.iloc[: self.most]
        bounds = self._bounds.of(len(table))
        compared = {
            name: Compared(score, bounds[name])
            for name, column in self._reference.columns.items()
            if name in table.columns and (score := column.score(table[name], self._threshold)) is not None
        }
        if not compared:
            return Found(told="no column can be compared")
        name = max(compared, key=lambda one: compared[one].ratio)
        worst, beyond = compared[name], sum(one.ratio > 1 for one in compared.values())
        told = f"{beyond:,} of {len(compared):,} beyond, most" if beyond else "nearest to its bound is"
        told = f"{told} {name} ({worst.found.test} {worst.found.score:.3g}, bound {worst.bound:.3g})"
        return Found(worst.ratio, 1.0, worst.ratio > 1, told, compared)


class Judge:
    """Judges windows one by one; `release` is the one whose predictions and performance are judged."""

    def __init__(self, reference: Reference, settings: Params, release: str) -> None:
        self._settings, self._limits, self._release = settings, settings.monitor, release
        self._reference = reference
        self._data = Drift(population(reference.train, reference.kinds, settings.drift), settings)
        self._predictions = Drift(population(*predictions(reference.tested), settings.drift), settings)
        self._performance = Performance(
            reference.tested,
            reference.signature,
            settings.gate.primary,
            settings.evaluate.bootstrap,
            self._limits.false_alarms,
        )
        self._missing, self._novel = reference.missing, reference.novel

    def judged(self, window: Window, before: Sequence[Window], by_time: bool) -> dict[str, Found]:
        """Every signal that applies; `before`: the complete windows before it. Volume needs windows of time."""
        short = enough_rows(window.rows, self._limits.min_rows)
        mine = window.answers["release"] == self._release
        found = {
            "data_drift": short or self._data.found(window.sample),
            "prediction_drift": short or self._predictions.found(window.answers[mine]),
            "performance": self._lost(window, mine),
            "missing": short or self._shares(window.missing, window.rows, self._missing, self._limits.missing),
            "unseen": short or self._shares(window.unseen, window.rows, self._novel, self._limits.unseen, rise=False),
            "volume": self._volume(window, before),
            "latency": short or self._latency(window),
        }
        left = {"unseen": bool(self._novel), "volume": by_time}
        return {name: found[name] for name in NAMES if left.get(name, True)}

    def _lost(self, window: Window, mine: "pd.Series[bool]") -> Found:
        if window.truth is None:
            return Found(told="no labels were read (monitor.labels)")
        truth, least = window.truth[mine.loc[window.truth.index].to_numpy(bool)], self._limits.min_labels
        if len(truth) < least:
            return Found(told=f"{len(truth):,} labels of compared rows, {least:,} are needed")
        loss = self._performance.loss(window.answers, truth)
        if loss is None:
            return Found(told=f"{self._performance.metric} is undefined: the labels are of one class")
        interval = f"95 % interval {loss.low:.4f} to {loss.high:.4f}"
        told = f"{loss.metric} {loss.window:.4f} ({interval}), on the test rows {loss.tested:.4f}"
        bound = self._limits.performance + loss.loss - loss.least  # what chance takes comes on top
        shown = Metric(name=loss.metric, value=loss.window, low=loss.low, high=loss.high)
        return Found(loss.loss, bound, loss.least > self._limits.performance, told, metric=shown)

    def _shares(
        self, counts: Mapping[str, int], rows: int, expected: Mapping[str, float], limit: float, rise: bool = True
    ) -> Found:
        """The column furthest beyond: its share of the rows (over the expected one where `rise`) and its bound.

        The bound is the parameter's, or what chance gives this many rows, where that is more.
        """
        deviations = NormalDist().inv_cdf(1 - self._limits.false_alarms / max(1, len(expected)))
        worst: tuple[float, str, float, float] | None = None
        for name, share in expected.items():
            chance = deviations * sqrt(share * (1 - share) * (1 / rows + 1 / len(self._reference.train)))
            bound = max(limit, chance if rise else share + chance)
            value = counts.get(name, 0) / rows - (share if rise else 0)
            if worst is None or value - bound > worst[0]:
                worst = (value - bound, name, value, bound)
        if worst is None:
            return Found(told="no column to look at")
        beyond, name, value, bound = worst
        return Found(value, bound, beyond > 0, f"{name}: {value:+.1%}" if rise else f"{name}: {value:.1%}")

    def _volume(self, window: Window, before: Sequence[Window]) -> Found:
        rows = [one.rows for one in before]
        if len(rows) < BEFORE:
            return Found(told=f"{len(rows)} windows before it, {BEFORE} are needed")
        usual = median(rows)
        if short := enough_rows(int(usual), self._limits.min_rows):
            return Found(told=f"usual are {short.told}")
        share = window.rows / usual
        return Found(
            share, self._limits.volume, share < self._limits.volume, f"{window.rows:,} rows, usual are {usual:,.0f}"
        )

    def _latency(self, window: Window) -> Found:
        if window.latency is None:
            return Found(told="no latency was logged")
        limit = self._limits.latency_ms
        return Found(window.latency, limit, window.latency > limit, f"p99 {window.latency:,.1f} ms")
