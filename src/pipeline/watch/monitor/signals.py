"""The signals of each window: a value and a bound for each, or why it can't be judged."""

from collections.abc import Sequence
from statistics import median

import pandas as pd

from pipeline.core.figures import number
from pipeline.core.params import Params
from pipeline.predictions.periods import Size
from pipeline.predictions.windows import Window
from pipeline.watch.monitor.blocks import blocks
from pipeline.watch.monitor.cumulative import Evidence
from pipeline.watch.monitor.data_drift import DataDrift, Drift
from pipeline.watch.monitor.performance import Performance
from pipeline.watch.monitor.reference_columns import reference_columns
from pipeline.watch.monitor.reference_data import Reference, predictions
from pipeline.watch.monitor.result import Metric
from pipeline.watch.monitor.shares import Missing, Unseen
from pipeline.watch.monitor.window_signal import WindowSignal, too_few

NAMES = ("data_drift", "prediction_drift", "performance", "missing", "unseen", "volume", "latency")
PREVIOUS = 3  # windows that the usual volume is computed from


class Judge:
    """Judges windows one by one, their predictions and performance on the rows of `release` alone."""

    def __init__(self, reference: Reference, settings: Params, release: str, size: Size) -> None:
        """`size`: that of the windows."""
        self._settings, self._limits, self._release = settings, settings.monitor, release
        self._reference = reference
        self.data = DataDrift(reference, settings, size)
        tested, block = reference_columns(*predictions(reference.tested), settings.drift), reference.tested_block
        together = None if block is None else blocks(block, size)
        self._predictions = Drift(tested, settings, together)
        self._performance = Performance(
            reference.tested,
            reference.signature,
            settings.gate.primary,
            settings.evaluate.bootstrap,
            self._limits.false_alarms,
            together,
        )
        self._tolerated = self._performance.tolerated(self._limits.performance)
        train, limits, block = reference.train, self._limits, reference.train_block
        together = None if block is None else blocks(block, size)
        categories = [name for name, kind in reference.kinds.items() if kind == "category"]
        self._missing = Missing(train[list(reference.kinds)], limits.missing, limits.false_alarms, together)
        self._unseen = Unseen(train[categories], limits.unseen, limits.false_alarms, together) if categories else None

    def signals(self, window: Window, previous: Sequence[Window], by_time: bool) -> dict[str, WindowSignal]:
        """Every signal that applies; `previous`: the complete windows before this one. Volume needs windows by time."""
        short = too_few(window.rows, self._limits.min_rows)
        of_release = window.answers["release"] == self._release
        signals = {
            "data_drift": short or self.data.signal(window),
            "prediction_drift": short or self._predictions.signal(window.answers[of_release]),
            "performance": self._performance_loss(window, of_release),
            "missing": short or self._missing.signal(window.missing, window.rows),
        }
        if self._unseen:
            signals["unseen"] = short or self._unseen.signal(window.unseen, window.rows)
        if by_time:
            signals["volume"] = self._volume(window, previous)
        return signals | {"latency": short or self._latency(window)}

    def _performance_loss(self, window: Window, of_release: "pd.Series[bool]") -> WindowSignal:
        if window.truth is None:
            return WindowSignal(detail="no labels were read (monitor.labels)")
        truth, minimum = window.truth[of_release.loc[window.truth.index].to_numpy(bool)], self._limits.min_labels
        if len(truth) < minimum:
            return WindowSignal(detail=f"{len(truth):,} labels, {minimum:,} are needed")
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
        evidence = Evidence(loss.loss, tolerated, loss.error, loss.reference_error)
        return WindowSignal(loss.loss, bound, loss.lower_limit > tolerated, detail, metric=metric, evidence=evidence)

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
