"""Assesses the windows as one result: every signal's state, and the columns of the latest judged window."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from pipeline.core.figures import number
from pipeline.core.params import Params
from pipeline.data.values import conversion
from pipeline.drift.compare import Kind
from pipeline.predictions import periods
from pipeline.predictions.windows import Labels, Window, WindowedLog
from pipeline.watch.monitor import result as results
from pipeline.watch.monitor.alarm import Rule, Standing, standing
from pipeline.watch.monitor.cumulative import Lasting
from pipeline.watch.monitor.reference_data import Reference
from pipeline.watch.monitor.result import Result
from pipeline.watch.monitor.signals import NAMES, Judge
from pipeline.watch.monitor.window_signal import WindowSignal

JudgedWindow = tuple[Window, dict[str, WindowSignal]]


def assess(
    windowed: WindowedLog, reference: Reference, settings: Params, size: str, progress: Callable[[str], None]
) -> Result:
    """The result of the windows; `size` is theirs as params.yaml writes it, `progress` is called with lines."""
    release = main_release(windowed.windows)
    judge, by_time = Judge(reference, settings, release or "", periods.size(size)), not size.endswith("rows")
    judged = _judge_windows(windowed.windows, judge, by_time, progress)
    rule = Rule(settings.monitor.windows, settings.monitor.alarm, settings.monitor.false_alarms)
    signals = tuple(_signal(name, judged, rule) for name in NAMES if any(name in signals for _, signals in judged))
    latest = next((pair for pair in reversed(judged) if pair[1]["data_drift"].columns), None)
    minimum = settings.monitor.min_rows
    return Result(
        state=_state(signals),
        until=windowed.until,
        window=size,
        rows=windowed.rows,
        files=windowed.files,
        release=release,
        releases=_releases(windowed.windows),
        signals=signals,
        windows=tuple(_scored(window, signals_of(judged, window), minimum) for window in windowed.windows),
        damage=dict(vars(windowed.damage)),
        labels=results.Labels(**vars(windowed.labels or Labels(0, 0, 0))),
        blind=None,
        columns=_columns(*latest, reference, judge) if latest else (),
        not_logged=tuple(name for name in reference.kinds if latest and name not in latest[0].sample.columns),
        reference=results.Reference(
            train=len(reference.train),
            test=len(reference.tested),
            newest=reference.newest,
            kind=settings.monitor.reference,
        ),
        calendar=tuple(judge.data.calendar),
    )


def main_release(windows: Sequence[Window]) -> str | None:
    """The release with most rows in the latest window that has rows, preferably a complete one."""
    filled = [window for window in windows if window.releases]
    complete = [window for window in filled if window.complete] or filled
    return max(complete[-1].releases.items(), key=lambda item: (item[1], item[0]))[0] if complete else None


def _judge_windows(
    windows: Sequence[Window], judge: Judge, by_time: bool, progress: Callable[[str], None]
) -> list[JudgedWindow]:
    complete = [window for window in windows if window.complete]
    judged = list[JudgedWindow]()
    for place, window in enumerate(complete):
        judged.append((window, judge.signals(window, complete[:place], by_time)))
        if (place + 1) % 10 == 0:
            progress(f"{place + 1:,} of {len(complete):,} windows judged")
    return judged


def signals_of(judged: Sequence[JudgedWindow], window: Window) -> dict[str, WindowSignal]:
    """A window's signals; none where it was not judged."""
    return next((signals for other, signals in judged if other is window), {})


def _scored(window: Window, signals: dict[str, WindowSignal], minimum: int) -> results.Scored:
    judged = {name: signal for name, signal in signals.items() if signal.beyond is not None}
    return results.Scored(
        start=window.start,
        end=window.end,
        rows=window.rows,
        judged=window.complete and window.rows >= minimum,
        values={name: signal.value for name, signal in judged.items()},
        bounds={name: signal.bound for name, signal in judged.items()},
        metric=judged["performance"].metric if "performance" in judged else None,
    )


def _signal(name: str, judged: Sequence[JudgedWindow], rule: Rule) -> results.Signal:
    history = [(window.start, signals[name]) for window, signals in judged]
    current = standing(name, history, rule)
    return results.Signal(
        name=name,
        state=current.state,
        value=current.latest.value if current.latest else None,
        bound=current.latest.bound if current.latest else None,
        since=current.since,
        beyond=current.beyond,
        judged=current.judged,
        sentence=_sentence(current, history),
    )


def _sentence(current: Standing, history: Sequence[tuple[datetime, WindowSignal]]) -> str:
    if current.latest is None:
        return f"not enough data: {history[-1][1].detail}" if history else "not enough data: no window is complete"
    counted = f"{current.beyond} of the last {current.judged} judged windows beyond the bound"
    counted = counted if current.beyond else f"all of the last {current.judged} judged windows within the bound"
    newest = history[-1][1]
    unjudged = f"; the newest window is not judged: {newest.detail}" if newest.beyond is None else ""
    return f"{counted}{_memory(current.lasting)}; {current.latest.detail}{unjudged}"


def _memory(lasting: Lasting | None) -> str:
    """What the latest windows say together of a loss."""
    if lasting is None or lasting.statistic <= 0:
        return ""
    stretch = f"the last {lasting.windows} windows" if lasting.windows > 1 else "the last window"
    figures = f"statistic {lasting.statistic:.3g}, limit {lasting.limit:.3g}"
    verdict = "lasts" if lasting.beyond else "is not certain to last"
    return f"; the mean loss of {stretch}, {number(lasting.loss)}, {verdict} ({figures})"


def _state(signals: Sequence[results.Signal]) -> results.State:
    states = {signal.name: signal.state for signal in signals}
    if "alarm" in states.values():
        return "alarm"
    return "not_enough_data" if states.get("data_drift", "not_enough_data") == "not_enough_data" else "ok"


def _releases(windows: Sequence[Window]) -> dict[str, int]:
    """Rows by release over all windows, most first."""
    counts: dict[str, int] = {}
    for window in windows:
        for name, rows in window.releases.items():
            counts[name] = counts.get(name, 0) + rows
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _columns(
    window: Window, signals: dict[str, WindowSignal], reference: Reference, judge: Judge
) -> tuple[results.ColumnDrift, ...]:
    """The compared columns, furthest beyond first."""
    missing, rows = reference.missing, reference.train.iloc[judge.data.rows(window)]
    compared = sorted(signals["data_drift"].columns.items(), key=lambda item: -item[1].ratio)
    return tuple(
        results.ColumnDrift(
            column=name,
            test=comparison.distance.test,
            score=comparison.distance.score,
            bound=comparison.bound,
            missing_before=missing[name],
            missing=window.missing.get(name, 0) / window.rows,
            unseen=window.unseen.get(name, 0) / window.rows,
            before=describe(rows[name], reference.kinds[name]),
            now=describe(window.sample[name], reference.kinds[name]),
            judged=comparison.judged,
            shared=comparison.shared,
        )
        for name, comparison in compared
    )


def describe(column: "pd.Series[Any]", kind: Kind) -> str:
    """The centre of a column's values: the median, or the most frequent value and its share."""
    values = column.dropna()
    if values.empty:
        return "–"
    if kind == "number":
        return f"{2 * float((values / 2).median()):,.6g}"  # the sum of two middle values may overflow
    if kind == "date":
        return f"{pd.to_datetime(values).median():%Y-%m-%d}"
    counts = conversion.labels(values).value_counts()
    return f"{counts.index[0]} {counts.iloc[0] / len(values):.0%}"
