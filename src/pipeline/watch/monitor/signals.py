"""The signals of each window: a value and a bound for each, or why it can't be judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import NormalDist, median

import pandas as pd

from pipeline.core.errors import listed
from pipeline.core.figures import number
from pipeline.core.params import Params
from pipeline.drift.stattests import LARGEST, Score
from pipeline.predictions.windows import Window
from pipeline.watch.monitor.calibration import Bounds
from pipeline.watch.monitor.performance import Performance
from pipeline.watch.monitor.reference_columns import ReferenceColumns, reference_columns
from pipeline.watch.monitor.reference_data import Reference, predictions
from pipeline.watch.monitor.result import Metric

NAMES = ("data_drift", "prediction_drift", "performance", "missing", "unseen", "volume", "latency")
PREVIOUS = 3  # windows that the usual volume is computed from


@dataclass(frozen=True)
class ComparedColumn:
    """A column's distance in a window, its bound there, and whether a large change would stay within that bound."""

    distance: Score
    bound: float
    unclear: bool

    @property
    def ratio(self) -> float:
        """The distance as a multiple of the bound, at most LARGEST."""
        return ratio(self.distance.score, self.bound)

    @property
    def judged(self) -> bool:
        return self.ratio > 1 or not self.unclear


def ratio(distance: float, bound: float) -> float:
    """A distance as a multiple of its bound, which may be 0; at most LARGEST."""
    return min(distance / bound, LARGEST) if bound else LARGEST * (distance > 0)


@dataclass(frozen=True)
class WindowSignal:
    """A signal in a window. Where it can't be judged, `beyond` is None and `detail` says why; else what is furthest."""

    value: float | None = None
    bound: float | None = None
    beyond: bool | None = None
    detail: str = ""
    columns: Mapping[str, ComparedColumn] = field(default_factory=dict)
    metric: Metric | None = None


def too_few(rows: int, minimum: int) -> WindowSignal | None:
    """The signal of a window that has too few rows; None where it has enough."""
    return None if rows >= minimum else WindowSignal(detail=f"{rows:,} rows, {minimum:,} are needed")


class Drift:
    """Data or predictions against a reference, by Evidently's distances and calibrated bounds."""

    def __init__(self, reference: ReferenceColumns, settings: Params) -> None:
        # At most half of the reference: a resample is compared with the other half.
        self.maximum = min(settings.monitor.max_rows, reference.rows // 2)
        self.minimum = min(settings.monitor.min_rows, self.maximum)
        self._reference, self._threshold = reference, settings.drift.threshold
        self._bounds = Bounds(reference, settings.monitor.false_alarms, self._threshold, (self.minimum, self.maximum))

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
                compared[name] = ComparedColumn(score, bounds[name], column.hides(bounds[name], self._threshold))
        return _furthest(compared, left_out, f"{self._reference.rows:,} reference rows")


def _furthest(compared: Mapping[str, ComparedColumn], left_out: Sequence[str], reference: str) -> WindowSignal:
    """The column furthest beyond its bound, and which columns say nothing."""
    unclear = [f"{name} (bound {column.bound:.3g})" for name, column in compared.items() if not column.judged]
    blind = f"; too few or too uneven to judge by are the {reference} of {listed(unclear)}" if unclear else ""
    blind += f"; not compared: {listed(left_out)}" if left_out else ""
    judged = {name: column for name, column in compared.items() if column.judged}
    if not judged:
        return WindowSignal(detail=f"no column can be judged{blind}", columns=compared)
    name, worst = max(judged.items(), key=lambda item: item[1].ratio)
    beyond = sum(column.ratio > 1 for column in judged.values())
    summary = f"{beyond:,} of {len(judged):,} columns beyond, furthest" if beyond else "nearest to its bound is"
    detail = f"{summary} {name} ({worst.distance.test} {worst.distance.score:.3g}, bound {worst.bound:.3g}){blind}"
    return WindowSignal(worst.ratio, 1.0, worst.ratio > 1, detail, compared)


class Judge:
    """Judges windows one by one, their predictions and performance on the rows of `release` alone."""

    def __init__(self, reference: Reference, settings: Params, release: str) -> None:
        self._settings, self._limits, self._release = settings, settings.monitor, release
        self._reference = reference
        self._data = Drift(reference_columns(reference.train, reference.kinds, settings.drift), settings)
        self._predictions = Drift(reference_columns(*predictions(reference.tested), settings.drift), settings)
        self._performance = Performance(
            reference.tested,
            reference.signature,
            settings.gate.primary,
            settings.evaluate.bootstrap,
            self._limits.false_alarms,
        )
        self._tolerated = self._performance.tolerated(self._limits.performance)
        self._missing, self._novel = reference.missing, reference.novel

    def signals(self, window: Window, previous: Sequence[Window], by_time: bool) -> dict[str, WindowSignal]:
        """Every signal that applies; `previous`: the complete windows before this one. Volume needs windows by time."""
        short = too_few(window.rows, self._limits.min_rows)
        of_release = window.answers["release"] == self._release
        signals = {
            "data_drift": short or self._data.signal(window.sample),
            "prediction_drift": short or self._predictions.signal(window.answers[of_release]),
            "performance": self._performance_loss(window, of_release),
            "missing": short or self._shares(window.missing, window.rows, self._missing, self._limits.missing),
            "unseen": short or self._shares(window.unseen, window.rows, self._novel, self._limits.unseen, rise=False),
            "volume": self._volume(window, previous),
            "latency": short or self._latency(window),
        }
        applies = {"unseen": bool(self._novel), "volume": by_time}
        return {name: signals[name] for name in NAMES if applies.get(name, True)}

    def _performance_loss(self, window: Window, of_release: "pd.Series[bool]") -> WindowSignal:
        if window.truth is None:
            return WindowSignal(detail="no labels were read (monitor.labels)")
        truth, minimum = window.truth[of_release.loc[window.truth.index].to_numpy(bool)], self._limits.min_labels
        if len(truth) < minimum:
            return WindowSignal(detail=f"{len(truth):,} labels of compared rows, {minimum:,} are needed")
        if reason := self._performance.not_judged(window.answers, truth):
            return WindowSignal(detail=reason)
        loss = self._performance.loss(window.answers, truth)
        if loss is None:
            why = ": they are of one class" if truth.nunique() == 1 else ""
            return WindowSignal(detail=f"{self._performance.metric} is undefined on these labels{why}")
        interval = f"95 % interval {number(loss.low)} to {number(loss.high)}"
        detail = f"{loss.metric} {number(loss.window)} ({interval}), on the test rows {number(loss.tested)}"
        detail += f"; tolerated is a loss of {self._tolerated}"
        tolerated = self._tolerated.value
        bound = tolerated + loss.loss - loss.lower_limit  # plus what chance explains
        metric = Metric(name=loss.metric, value=loss.window, low=loss.low, high=loss.high)
        return WindowSignal(loss.loss, bound, loss.lower_limit > tolerated, detail, metric=metric)

    def _shares(
        self, counts: Mapping[str, int], rows: int, expected: Mapping[str, float], limit: float, rise: bool = True
    ) -> WindowSignal:
        """The column furthest beyond: its share of the rows (over the expected one where `rise`) and its bound.

        The bound is the larger of the parameter's and what chance gives this many rows.
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
            return WindowSignal(detail="no column to check")
        beyond, name, value, bound = worst
        return WindowSignal(value, bound, beyond > 0, f"{name}: {value:+.1%}" if rise else f"{name}: {value:.1%}")

    def _volume(self, window: Window, previous: Sequence[Window]) -> WindowSignal:
        volumes = [earlier.rows for earlier in previous]
        if len(volumes) < PREVIOUS:
            return WindowSignal(detail=f"{len(volumes)} windows before this one, {PREVIOUS} are needed")
        usual = median(volumes)
        if short := too_few(int(usual), self._limits.min_rows):
            return WindowSignal(detail=f"usual volume: {short.detail}")
        share = window.rows / usual
        return WindowSignal(
            share, self._limits.volume, share < self._limits.volume, f"{window.rows:,} rows, usually {usual:,.0f}"
        )

    def _latency(self, window: Window) -> WindowSignal:
        if window.latency is None:
            return WindowSignal(detail="no latency was logged")
        limit = self._limits.latency_ms
        return WindowSignal(window.latency, limit, window.latency > limit, f"p99 {window.latency:,.1f} ms")
