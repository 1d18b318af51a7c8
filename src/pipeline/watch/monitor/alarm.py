"""The alarm rule: k of the last n judged windows are beyond the bound, and the latest of them is; or a loss lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipeline.watch.monitor.cumulative import Lasting, lasting
from pipeline.watch.monitor.window_signal import WindowSignal

State = Literal["ok", "alarm", "watching", "not_enough_data"]
LATE = {"performance"}  # labels come late: it is judged on the latest windows that have them, however old


@dataclass(frozen=True)
class Rule:
    windows: int  # n
    alarm: int  # k
    false_alarms: float = 0.01  # share of the weeks without a loss in which one seems to last


@dataclass(frozen=True)
class Standing:
    """A signal's state; `since`: start of the first window of a lasting alarm; `latest`: the last judged one."""

    state: State
    since: datetime | None
    beyond: int
    judged: int
    latest: WindowSignal | None
    lasting: Lasting | None = None  # of performance: what the windows say together


def standing(name: str, history: Sequence[tuple[datetime, WindowSignal]], rule: Rule) -> Standing:
    """The state of a signal from its history: its complete windows by their starts, oldest first."""
    judged = [(start, signal) for start, signal in history if signal.beyond is not None]
    recent = judged[-rule.windows :]
    beyond = sum(bool(signal.beyond) for _, signal in recent)
    fresh = name in LATE or any(signal.beyond is not None for _, signal in history[-rule.windows :])
    if not (recent and fresh):
        return Standing("not_enough_data", None, beyond, len(recent), None)
    latest = recent[-1][1]
    state: State = "watching" if beyond else "ok"
    if beyond >= rule.alarm and latest.beyond:
        state = "alarm"
    since = _since(judged, rule) if beyond else None
    memory = lasting([signal.evidence for _, signal in judged if signal.evidence], rule.false_alarms)
    if memory and memory.beyond:
        state, since = "alarm", judged[-memory.windows][0]
    return Standing(state, since, beyond, len(recent), latest, memory)


def _since(judged: Sequence[tuple[datetime, WindowSignal]], rule: Rule) -> datetime | None:
    """Start of the first window beyond the bound after the last run of windows within it that would end an alarm."""
    since, within = None, 0
    for start, signal in reversed(judged):
        within = 0 if signal.beyond else within + 1
        if within > rule.windows - rule.alarm:
            break
        since = start if signal.beyond else since
    return since
