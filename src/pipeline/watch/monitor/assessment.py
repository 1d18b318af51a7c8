"""The windows into one result: every signal's state, and the columns of the latest judged window."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from pipeline.core.params import Params
from pipeline.data.values import conversion
from pipeline.drift.compare import Kind
from pipeline.predictions.windows import Labels, Reading, Window
from pipeline.watch.monitor import result as results
from pipeline.watch.monitor.alarm import Rule, Standing, standing
from pipeline.watch.monitor.reference import Reference
from pipeline.watch.monitor.result import Result
from pipeline.watch.monitor.signals import NAMES, Found, Judge

Judged = tuple[Window, dict[str, Found]]


def judge(
    reading: Reading, reference: Reference, settings: Params, size: str, progress: Callable[[str], None]
) -> Result:
    """What a reading comes to; `size` of its windows as params.yaml writes it, `progress` is told lines."""
    release = main_release(reading.windows)
    found = _judged(reading.windows, Judge(reference, settings, release or ""), not size.endswith("rows"), progress)
    rule = Rule(settings.monitor.windows, settings.monitor.alarm)
    signals = tuple(_signal(name, found, rule) for name in NAMES if any(name in said for _, said in found))
    latest = next(((window, said) for window, said in reversed(found) if said["data_drift"].columns), None)
    named = settings.monitor
    return Result(
        state=_state(signals),
        until=reading.until,
        window=size,
        rows=reading.rows,
        files=reading.files,
        release=release,
        releases=_releases(reading.windows),
        signals=signals,
        windows=tuple(_scored(window, dict(found_in(found, window)), named.min_rows) for window in reading.windows),
        damage=dict(vars(reading.damage)),
        labels=results.Labels(**vars(reading.labels or Labels(0, 0, 0))),
        blind=None,
        columns=_columns(*latest, reference) if latest else (),
        not_logged=tuple(name for name in reference.kinds if latest and name not in latest[0].sample.columns),
        reference=results.Reference(train=len(reference.train), test=len(reference.tested), newest=reference.newest),
    )


def main_release(windows: Sequence[Window]) -> str | None:
    """The release with most rows in the latest window that has rows, a complete one where there is one."""
    filled = [window for window in windows if window.releases]
    complete = [window for window in filled if window.complete] or filled
    return max(complete[-1].releases.items(), key=lambda item: (item[1], item[0]))[0] if complete else None


def _judged(windows: Sequence[Window], judge: Judge, by_time: bool, progress: Callable[[str], None]) -> list[Judged]:
    complete = [window for window in windows if window.complete]
    found = list[Judged]()
    for place, window in enumerate(complete):
        found.append((window, judge.judged(window, complete[:place], by_time)))
        if (place + 1) % 10 == 0:
            progress(f"{place + 1:,} of {len(complete):,} windows judged")
    return found


def found_in(found: Sequence[Judged], window: Window) -> dict[str, Found]:
    """A window's signals; none where it was not judged."""
    return next((said for one, said in found if one is window), {})


def _scored(window: Window, said: dict[str, Found], least: int) -> results.Scored:
    known = {name: one for name, one in said.items() if one.beyond is not None}
    return results.Scored(
        start=window.start,
        end=window.end,
        rows=window.rows,
        judged=window.complete and window.rows >= least,
        values={name: one.value for name, one in known.items()},
        bounds={name: one.bound for name, one in known.items()},
        metric=known["performance"].metric if "performance" in known else None,
    )


def _signal(name: str, found: Sequence[Judged], rule: Rule) -> results.Signal:
    said = [(window.start, one[name]) for window, one in found]
    now = standing(name, said, rule)
    return results.Signal(
        name=name,
        state=now.state,
        value=now.latest.value if now.latest else None,
        bound=now.latest.bound if now.latest else None,
        since=now.since,
        beyond=now.beyond,
        judged=now.judged,
        sentence=_sentence(now, said),
    )


def _sentence(now: Standing, said: Sequence[tuple[datetime, Found]]) -> str:
    if now.latest is None:
        return f"not enough data: {said[-1][1].told}" if said else "not enough data: no window is complete"
    counted = f"{now.beyond} of the last {now.judged} judged windows beyond the bound"
    counted = counted if now.beyond else f"all of the last {now.judged} judged windows within the bound"
    ended = f"; the newest window is not judged: {said[-1][1].told}" if said[-1][1].beyond is None else ""
    return f"{counted}; {now.latest.told}{ended}"


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


def _columns(window: Window, said: dict[str, Found], reference: Reference) -> tuple[results.ColumnDrift, ...]:
    """The compared columns, furthest beyond first."""
    missing = reference.missing
    compared = sorted(said["data_drift"].columns.items(), key=lambda item: -item[1].ratio)
    return tuple(
        results.ColumnDrift(
            column=name,
            test=one.found.test,
            score=one.found.score,
            bound=one.bound,
            missing_before=missing[name],
            missing=window.missing.get(name, 0) / window.rows,
            unseen=window.unseen.get(name, 0) / window.rows,
            before=described(reference.train[name], reference.kinds[name]),
            now=described(window.sample[name], reference.kinds[name]),
        )
        for name, one in compared
    )


def described(column: "pd.Series[Any]", kind: Kind) -> str:
    """The middle of a column's values: a median, or the commonest value and its share."""
    known = column.dropna()
    if known.empty:
        return "–"
    if kind == "number":
        return f"{float(known.median()):,.6g}"
    if kind == "date":
        return f"{pd.to_datetime(known).median():%Y-%m-%d}"
    counts = conversion.labels(known).value_counts()
    return f"{counts.index[0]} {counts.iloc[0] / len(known):.0%}"
