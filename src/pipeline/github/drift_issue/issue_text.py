"""Title, body and signals of the drift issue, from the monitor's result and the issue's state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.github.drift_issue import issues
from pipeline.github.drift_issue.state import State, format_duration, format_time
from pipeline.markup import documentation, markdown
from pipeline.markup.markdown import Markdown
from pipeline.review.comment.details import link
from pipeline.watch.monitor.result import Result, Signal

MANUAL = ("What this issue means", "docs/explanation/drift-issue.md")  # text and page


@dataclass(frozen=True)
class Pages:
    """Where a run and its report are; None where they are not known."""

    run: str | None
    report: str | None

    def __str__(self) -> str:
        pages = {"the run": self.run, "the report as a page": self.report}
        return " · ".join(link(name, address) or "" for name, address in pages.items() if address)


def alarming_signals(result: Result, previous: Mapping[str, datetime], minimum: int) -> dict[str, datetime]:
    """The signals that alarm, since when.

    A signal of `previous` stays until it can be judged and fewer than `minimum` of its windows are beyond the bound.
    """
    lasting = {
        signal.name for signal in result.signals if signal.state == "not_enough_data" or signal.beyond >= minimum
    }
    remaining = {name: since for name, since in previous.items() if name in lasting}
    alarming = {signal.name: signal.since or result.until for signal in result.signals if signal.state == "alarm"}
    return dict(sorted((alarming | remaining).items()))


def changes(previous: Iterable[str], current: Iterable[str]) -> list[str]:
    """What changed between the signals of two runs, a sentence each."""
    new, recovered = sorted(set(current) - set(previous)), sorted(set(previous) - set(current))
    sentences = [f"{names(new)} {'alarms' if len(new) == 1 else 'alarm'}"] if new else []
    return sentences + ([f"{names(recovered)} recovered"] if recovered else [])


def judged_since(result: Result, signals: Iterable[str], start: datetime) -> bool:
    """Whether one of the signals was judged in a window that begins at `start` or later."""
    return any(
        window.start >= start and window.judged and window.values.get(name) is not None
        for window in result.windows
        for name in signals
    )


def title(signals: Iterable[str]) -> str:
    return f"{issues.heading()}: {names(signals)}"


def names(signals: Iterable[str]) -> str:
    """Signals in words: data drift, latency."""
    return ", ".join(name.replace("_", " ") for name in signals)


def open_text(result: Result, state: State, pages: Pages, action: str) -> str:
    """What the issue's body shows while the alarm lasts."""
    since = min(state.signals.values(), default=result.until)
    duration = format_duration(since, result.until)
    signals = [signal for signal in result.signals if signal.name in state.signals]
    return _paragraphs(
        f"**{names(state.signals).capitalize()}:** for {duration}, since {format_time(since)}.",
        _table(signals, state),
        _last_run(result, pages),
        f"**Action:** {action}",
        _events(state),
        _foot(),
    )


def closed_text(result: Result, state: State, pages: Pages, reason: str) -> str:
    """What the issue's body shows when it is closed."""
    return _paragraphs(f"**Closed:** {reason}.", _last_run(result, pages), _events(state), _foot())


def _table(signals: Iterable[Signal], state: State) -> Markdown:
    rows = [
        [
            names([signal.name]),
            "recovering" if signal.state == "watching" else signal.state.replace("_", " "),
            Markdown(format_time(state.signals[signal.name])),
            signal.value,
            signal.bound,
            f"{signal.beyond} of {signal.judged}",
            markdown.escape(signal.sentence[:300]),
        ]
        for signal in signals
    ]
    return markdown.table(["signal", "now", "since", "value", "bound", "windows beyond", ""], rows, "lllrrrl")


def _last_run(result: Result, pages: Pages) -> str:
    release = f", release {markdown.code(result.release)}" if result.release else ""
    few = " The latest windows have too few rows to judge." if result.state == "not_enough_data" else ""
    links = f" {pages}." if str(pages) else ""
    window = markdown.escape(result.window)
    run = f"Last run: {format_time(result.until)}, windows of {window}{release}."
    return f"{run}{few}{links} All figures are in the comment below."


def _events(state: State) -> str:
    return "\n".join(["**What happened**", "", *(f"- {event}" for event in state.events)])


def _foot() -> str:
    return (
        "<sub>The monitor closes this issue when the signals recover, or when the retrained model is in production. "
        f"Closed by hand, it stays closed until another signal alarms. {documentation.link(*MANUAL)}.</sub>"
    )


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"
