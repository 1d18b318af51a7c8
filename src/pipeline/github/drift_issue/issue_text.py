"""The drift issue as it is decided and written: from what the monitor found and what the issue remembers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.github.drift_issue.state import Memory, lasted, moment
from pipeline.markup import markdown
from pipeline.markup.markdown import Markdown
from pipeline.review.comment.details import link
from pipeline.watch.monitor.result import Result, Signal

MANUAL = "[What this issue means](../blob/HEAD/docs/explanation/drift-issue.md)"
FOOT = (
    "The monitor closes this issue when the signals recover, or when the retrained model is in production. "
    f"Closed by hand, it stays closed until another signal alarms. {MANUAL}."
)


@dataclass(frozen=True)
class Pages:
    """Where a run and its report are; None where nobody knows."""

    run: str | None
    report: str | None

    def __str__(self) -> str:
        shown = {"the run": self.run, "the report as a page": self.report}
        return " · ".join(link(name, address) or "" for name, address in shown.items() if address)


def standing(result: Result, before: Mapping[str, datetime], least: int) -> dict[str, datetime]:
    """The signals that alarm, since when.

    One that alarmed before stays until fewer than `least` of its windows are beyond the bound, and it can be judged.
    """
    lasting = {signal.name for signal in result.signals if signal.state == "not_enough_data" or signal.beyond >= least}
    kept = {name: since for name, since in before.items() if name in lasting}
    alarming = {signal.name: signal.since or result.until for signal in result.signals if signal.state == "alarm"}
    return dict(sorted((alarming | kept).items()))


def differences(before: Iterable[str], now: Iterable[str]) -> list[str]:
    """What changed between two looks, a sentence each."""
    came, went = sorted(set(now) - set(before)), sorted(set(before) - set(now))
    told = [f"{names(came)} {'alarms' if len(came) == 1 else 'alarm'}"] if came else []
    return told + ([f"{names(went)} recovered"] if went else [])


def seen_since(result: Result, signals: Iterable[str], moment: datetime) -> bool:
    """Whether a window that begins after the moment is among what one of the signals was judged by."""
    return any(
        window.start >= moment and window.judged and window.values.get(name) is not None
        for window in result.windows
        for name in signals
    )


def title(signals: Iterable[str]) -> str:
    return f"Monitor: {names(signals)}"


def names(signals: Iterable[str]) -> str:
    """Signals in words: data drift, latency."""
    return ", ".join(name.replace("_", " ") for name in signals)


def text(result: Result, memory: Memory, pages: Pages, cure: str) -> str:
    """What the issue's body shows while the alarm lasts."""
    since = min(memory.signals.values(), default=result.until)
    shown = [signal for signal in result.signals if signal.name in memory.signals]
    return _joined(
        f"**{names(memory.signals).capitalize()}:** for {lasted(since, result.until)}, since {moment(since)}.",
        _table(shown, memory),
        _look(result, pages),
        f"**Cure:** {cure}",
        _events(memory),
        f"<sub>{FOOT}</sub>",
    )


def closing(result: Result, memory: Memory, pages: Pages, reason: str) -> str:
    """What the issue's body shows when it is closed."""
    return _joined(f"**Closed:** {reason}.", _look(result, pages), _events(memory), f"<sub>{FOOT}</sub>")


def _table(signals: Iterable[Signal], memory: Memory) -> Markdown:
    rows = [
        [
            names([signal.name]),
            "recovering" if signal.state == "watching" else signal.state.replace("_", " "),
            Markdown(moment(memory.signals[signal.name])),
            signal.value,
            signal.bound,
            f"{signal.beyond} of {signal.judged}",
            markdown.escape(signal.sentence[:300]),
        ]
        for signal in signals
    ]
    return markdown.table(["signal", "now", "since", "value", "bound", "windows beyond", ""], rows, "lllrrrl")


def _look(result: Result, pages: Pages) -> str:
    release = f", release {markdown.code(result.release)}" if result.release else ""
    few = " The latest windows have too few rows to judge." if result.state == "not_enough_data" else ""
    where = f" {pages}." if str(pages) else ""
    window = markdown.escape(result.window)
    return (
        f"Last look: {moment(result.until)}, windows of {window}{release}.{few}{where} All figures: the comment below."
    )


def _events(memory: Memory) -> str:
    return "\n".join(["**What happened**", "", *(f"- {event}" for event in memory.events)])


def _joined(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"
