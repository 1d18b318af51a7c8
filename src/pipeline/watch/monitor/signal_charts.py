"""The signals over time against their bounds, drawn by GitHub itself."""

from collections.abc import Sequence

from pipeline.markup.markdown import Markdown
from pipeline.markup.mermaid import HERE, MAIN, upright
from pipeline.watch.monitor.result import Result, Scored

LOWER = {"volume"}  # signals that are beyond where they are below the bound
WORDS = "🟦 within the bound · 🟧 beyond · grey line: the bound · no bar: not judged, or 0"
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
    """A bar for each window and a line of its bounds; None where no window was judged."""
    windows = result.windows
    bounds = _filled([window.bounds.get(name) for window in windows])
    if not bounds:
        return None
    beyond = [is_beyond(window, name) for window in windows]
    values = [window.values.get(name) or 0.0 for window in windows]
    within = [0.0 if over else value for value, over in zip(values, beyond, strict=True)]
    over = [value if over else 0.0 for value, over in zip(values, beyond, strict=True)]
    return upright(times(windows), [(HERE, within), (MAIN, over)], bounds, UNITS.get(name, name))


def is_beyond(window: Scored, name: str) -> bool:
    value, bound = window.values.get(name), window.bounds.get(name)
    if value is None or bound is None:
        return False
    return value < bound if name in LOWER else value > bound


def times(windows: Sequence[Scored]) -> list[str]:
    """When each window began: the date where that tells them apart, else as much of the time as does."""
    for form in ("%m-%d", "%m-%d %H:%M", "%H:%M:%S"):
        shown = [window.start.strftime(form) for window in windows]
        if len(set(shown)) == len(shown):
            return shown
    return [window.start.strftime("%H:%M:%S.%f")[:-3] for window in windows]


def _filled(bounds: Sequence[float | None]) -> list[float]:
    """The bounds, each gap with the one before it, or the first; nothing where there is none."""
    known = [bound for bound in bounds if bound is not None]
    filled, last = list[float](), known[0] if known else None
    for bound in bounds:
        last = bound if bound is not None else last
        if last is not None:
            filled.append(last)
    return filled
