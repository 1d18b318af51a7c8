"""The monitor's report: which signals alarm, since when and which columns drifted most, then the details."""

import shlex
from collections.abc import Sequence

from pipeline.markup.markdown import Markdown, bold, code, escape, table
from pipeline.markup.parts import Part, fit, folded, part
from pipeline.review.untrusted.text import fence
from pipeline.watch.monitor import signal_charts
from pipeline.watch.monitor.result import ColumnDrift, Result, Scored, Signal
from pipeline.watch.monitor.window_signal import ratio

LIMIT = 60_000  # characters: GitHub's 65,536 minus what the issue and CML add
TOP, COLUMNS = 5, 60  # columns shown at the top, and in the folded table
MARKS = {"alarm": "🔴 alarm", "watching": "🟡 watching", "ok": "🟢 ok", "not_enough_data": "⚪ not enough data"}
LABELS = {
    "data_drift": "data drift",
    "prediction_drift": "prediction drift",
    "performance": "performance",
    "missing": "missing values",
    "unseen": "unseen values",
    "volume": "volume",
    "latency": "latency",
}
UNCLEAR = "it has too few rows or days, a few values far from all others, or days that differ much without any drift"
INPUTS = {"log": "the prediction log", "labels": "the labels", "reference": "the reference"}


def render(result: Result) -> str:
    """The report as GitHub Markdown, at most `LIMIT` characters."""
    if result.blind and result.state == "blind":
        reason = f"{escape(result.blind.reason)}\n\nNothing was judged. That does not mean “no drift”."
        return f"### ⚠️ The monitor can’t read {INPUTS[result.blind.kind]}\n\n{reason}\n\n{_reproduce(result)}\n"
    loud = [signal.name for signal in result.signals if signal.state in ("alarm", "watching")]
    quiet = [signal.name for signal in result.signals if signal.name not in loud]
    folds: list[tuple[str, int, str | None]] = [
        ("All columns", 3, folded("All columns", _columns(result.columns[:COLUMNS], len(result.columns)))),
        ("Other signals", 2, folded("The other signals over time", _charts(result, quiet))),
        ("Windows", 4, folded("Windows", _windows(result))),
        ("Damage", 1, folded("Rows and files that could not be used", _damage(result))),
        ("Reproduce", 1, folded("Reproduce it", _reproduce(result))),
    ]
    return fit(
        [
            part("Headline", _headline, result),
            part("Signals", _signals, result.signals),
            part("Drifted columns", _drifted, result),
            part("Charts", _charts, result, loud, order=1),
            *(Part(name, text or "", order) for name, order, text in folds),
            part("Footer", _footer, result),
        ],
        LIMIT,
    )


def label(name: str) -> str:
    return LABELS.get(name, name)


def verdict(result: Result) -> str:
    """The state in a line, with what could not be judged."""
    alarms = ", ".join(label(signal.name) for signal in result.signals if signal.state == "alarm")
    parts = [f"alarm: {alarms}" if alarms else result.state.replace("_", " ")]
    if result.blind:
        parts.append(f"{INPUTS[result.blind.kind]} can’t be read")
    if unclear := _unclear(result):
        parts.append(unclear)
    return "; ".join(parts)


def _unclear(result: Result) -> str:
    """How many columns the reference is too small or too uneven for; empty where there is none."""
    count = sum(not column.judged for column in result.columns)
    return f"the reference can’t show drift in {count:,} of {len(result.columns):,} columns" if count else ""


def _headline(result: Result) -> str:
    alarms = [label(signal.name) for signal in result.signals if signal.state == "alarm"]
    headlines = {
        "alarm": f"🔴 {', '.join(alarms).capitalize()}: alarm",
        "ok": "🟢 No alarm",
        "not_enough_data": "⚪ Not enough data to judge drift",
    }
    complete = sum(window.judged for window in result.windows)
    summary = (
        f"{result.rows:,} logged rows in {len(result.windows):,} windows of {escape(result.window)}, {complete:,} with "
        f"enough rows, until {result.until:%Y-%m-%d %H:%M} UTC."
    )
    warning = "; the labels can’t be read" if result.blind else ""
    unclear = f"\n\n⚠️ {_unclear(result).capitalize()}: {UNCLEAR}." if _unclear(result) else ""
    return f"### {headlines[result.state]}{warning}\n\n{summary}{_releases(result)}{_unlabelled(result)}{unclear}"


def _unlabelled(result: Result) -> str:
    if result.blind is None:
        return ""
    return f"\n\n⚠️ Performance was not judged: {escape(result.blind.reason)}"


def _releases(result: Result) -> str:
    if result.release is None:
        return ""
    name = code(result.release)
    if len(result.releases) < 2:
        return f" Release {name}."
    others = sum(rows for other, rows in result.releases.items() if other != result.release)
    return (
        f"\n\n⚠️ {len(result.releases)} releases answered in these windows: predictions and performance are judged on "
        f"the rows of {name}; {others:,} rows are from others."
    )


def _signals(signals: Sequence[Signal]) -> Markdown:
    rows = [
        (
            bold(label(signal.name)) if signal.state == "alarm" else label(signal.name),
            Markdown(MARKS[signal.state]),
            _figure(signal.value),
            _figure(signal.bound),
            f"{signal.since:%Y-%m-%d %H:%M}" if signal.since else None,
            Markdown(escape(signal.sentence[:300])),
        )
        for signal in signals
    ]
    cells = [(*row[:4], row[4] or "–", row[5]) for row in rows]
    return table(["signal", "state", "latest", "bound", "beyond since (UTC)", "details"], cells, "llrrll")


def _drifted(result: Result) -> str | None:
    """The columns furthest beyond their bound in the latest judged window."""
    beyond = [column for column in result.columns if column.score > column.bound]
    if not beyond:
        return None
    more = f" The other {len(beyond) - TOP:,} columns beyond their bound are below." if len(beyond) > TOP else ""
    return f"**Columns that drifted most** in the latest judged window.{more}\n\n{_columns(beyond[:TOP], 0)}"


def _columns(columns: Sequence[ColumnDrift], total: int) -> str | None:
    rows = [
        (
            column.column,
            column.score,
            column.bound,
            _place(column),
            column.before,
            column.now,
            Markdown(f"{column.missing_before:.1%} → {column.missing:.1%}"),
            Markdown(f"{column.unseen:.1%}"),
        )
        for column in columns
    ]
    header = ["column", "score", "bound", "", "reference", "now", "missing", "unseen"]
    more = f"\n\n{total - len(columns):,} more, nearer to the reference." if total > len(columns) else ""
    return f"{table(header, rows, 'lrrrllrr')}{more}" if rows else None


def _place(column: ColumnDrift) -> Markdown:
    """Where a column lies against its bound."""
    if column.score > column.bound:
        return Markdown(f"**×{_figure(ratio(column.score, column.bound))}**")
    return Markdown("within" if column.judged else "can’t tell")


def _charts(result: Result, names: Sequence[str]) -> str | None:
    charts = [(name, signal_charts.chart(result, name)) for name in names]
    texts = [f"**{label(name)}**\n\n{chart}" for name, chart in charts if chart]
    return "\n\n".join([signal_charts.LEGEND, *texts]) if texts else None


def _windows(result: Result) -> str:
    names = [signal.name for signal in result.signals]
    metric = next((window.metric.name for window in result.windows if window.metric), None)
    rows = [
        (
            f"{window.start:%Y-%m-%d %H:%M}",
            window.rows,
            "yes" if window.judged else "no",
            *(_judged(window, name) for name in names),
            *([_metric(window)] if metric else []),
        )
        for window in reversed(result.windows)
    ]
    header = ["start (UTC)", "rows", "enough", *map(label, names), *([f"{metric} (95 % interval)"] if metric else [])]
    return table(header, rows, "lrl" + "r" * (len(header) - 3))


def _metric(window: Scored) -> Markdown:
    """The metric of the labelled rows with its interval."""
    metric = window.metric
    return Markdown("–" if metric is None else f"{metric.value:.4g} ({metric.low:.4g} to {metric.high:.4g})")


def _judged(window: Scored, name: str) -> Markdown:
    figure = _figure(window.values.get(name))
    return Markdown(f"**{figure}**") if signal_charts.is_beyond(window, name) else figure


def _figure(value: float | None) -> Markdown:
    return Markdown("–" if value is None else f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.3g}")


def _damage(result: Result) -> str:
    counts = {name: count for name, count in result.damage.items() if isinstance(count, int) and count}
    if result.labels.unknown:
        counts["labels for unknown ids"] = result.labels.unknown
    places = result.damage.get("places") or ()
    listed = "\n".join(f"- {escape(str(place)[:300])}" for place in places)
    summary = table(["damage", "count"], counts.items(), "lr") if counts else "None: every line was read."
    return f"{summary}\n\n{listed}" if listed else summary


def _reproduce(result: Result) -> Markdown:
    since = [f"--since {result.windows[0].start.isoformat()}"] if result.windows else []
    words = ["pipeline monitor", *since, f"--until {result.until.isoformat()}"]
    words += [f"--window {shlex.quote(result.window)}"] if result.window else []
    html = " --html reports/monitor/drift.html  # with Evidently's own report"
    return fence(f"{' '.join(words)}\n{' '.join(words)}{html}", "console")


def _footer(result: Result) -> str:
    reference = result.reference
    if reference is None:
        return ""
    newest = f", of the newest {reference.newest:,} rows" if reference.newest else ""
    not_logged = (
        f" Not logged, so not compared: {escape(', '.join(result.not_logged)[:500])}." if result.not_logged else ""
    )
    season = " (of each window’s season)" if reference.kind == "same_season" else ""
    shared = [column.column for column in result.columns if column.shared]
    alike = f" The rows of a day or group are alike in {escape(', '.join(shared)[:500])}." if shared else ""
    calendar = (
        f" Left out, as the calendar moves them: {escape(', '.join(result.calendar))}." if result.calendar else ""
    )
    return (
        f"<sub>Compared with {reference.train:,} training rows{season}{newest}; predictions and performance with "
        f"{reference.test:,} test rows. A drift bound is the larger of Evidently’s and what chance gives a window of "
        f"that size.{alike}{calendar}{not_logged}</sub>"
    )
