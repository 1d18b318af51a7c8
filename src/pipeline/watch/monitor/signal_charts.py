"""The signals over time against their bounds, as Mermaid charts that GitHub draws."""

from collections.abc import Sequence

from pipeline.markup.markdown import Markdown
from pipeline.markup.mermaid import CANDIDATE, MAIN, vertical_bars
from pipeline.watch.monitor.result import Result, Scored

FALLING = {"volume"}  # signals that are beyond the bound when they are below it
LEGEND = "🟦 within the bound · 🟧 beyond · grey line: the bound · no bar: not judged, or 0"
UNITS = {
    "data_drift": "score / bound",
    "prediction_drift": "score / bound",
    "performance": "loss",
    "missing": "rise of share",
    "unseen": "share",
    "volume": "share of usual",
    "latency": "p99, ms",
}


def chart(result: Result, name: str) -> Markdown | None:
    """A bar for each window and a line for its bounds; None where no window was judged."""
    windows = result.windows
    bounds = _filled([window.bounds.get(name) for window in windows])
    if not bounds:
        return None
    beyond = [is_beyond(window, name) for window in windows]
    values = [window.values.get(name) or 0.0 for window in windows]
    blue = [0.0 if is_over else value for value, is_over in zip(values, beyond, strict=True)]
    orange = [value if is_over else 0.0 for value, is_over in zip(values, beyond, strict=True)]
    return vertical_bars(times(windows), [(CANDIDATE, blue), (MAIN, orange)], bounds, UNITS.get(name, name))


def is_beyond(window: Scored, name: str) -> bool:
    value, bound = window.values.get(name), window.bounds.get(name)
    if value is None or bound is None:
        return False
    return value < bound if name in FALLING else value > bound


def times(windows: Sequence[Scored]) -> list[str]:
    """When each window began: the date where that distinguishes them, else as much of the time as is needed."""
    for form in ("%m-%d", "%m-%d %H:%M", "%H:%M:%S"):
        labels = [window.start.strftime(form) for window in windows]
        if len(set(labels)) == len(labels):
            return labels
    return [window.start.strftime("%H:%M:%S.%f")[:-3] for window in windows]


def _filled(bounds: Sequence[float | None]) -> list[float]:
    """The bounds, each gap filled with the previous one, or the first; empty where there is none."""
    present = [bound for bound in bounds if bound is not None]
    filled, last = list[float](), present[0] if present else None
    for bound in bounds:
        last = bound if bound is not None else last
        if last is not None:
            filled.append(last)
    return filled
