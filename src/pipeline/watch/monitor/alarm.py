"""The alarm rule: k of the last n judged windows beyond the bound, and the latest of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipeline.watch.monitor.signals import Found

State = Literal["ok", "alarm", "watching", "not_enough_data"]
LATE = {"performance"}  # labels come late: it is judged on the windows that have them, however old


@dataclass(frozen=True)
class Rule:
    windows: int  # n
    alarm: int  # k


@dataclass(frozen=True)
class Standing:
    """A signal's state; `since`: start of the first window of those beyond that last; `latest`: the last judged."""

    state: State
    since: datetime | None
    beyond: int
    judged: int
    latest: Found | None


def standing(name: str, found: Sequence[tuple[datetime, Found]], rule: Rule) -> Standing:
    """The state of a signal from its complete windows, oldest first, each by its start."""
    judged = [(start, one) for start, one in found if one.beyond is not None]
    recent = judged[-rule.windows :]
    beyond = sum(bool(one.beyond) for _, one in recent)
    fresh = name in LATE or any(one.beyond is not None for _, one in found[-rule.windows :])
    if not (recent and fresh):
        return Standing("not_enough_data", None, beyond, len(recent), None)
    latest = recent[-1][1]
    state: State = "watching" if beyond else "ok"
    if beyond >= rule.alarm and latest.beyond:
        state = "alarm"
    return Standing(state, _since(judged, rule) if beyond else None, beyond, len(recent), latest)


def _since(judged: Sequence[tuple[datetime, Found]], rule: Rule) -> datetime | None:
    """Start of the first window beyond, back to where so many in a row were within that no alarm could last."""
    since, within = None, 0
    for start, one in reversed(judged):
        within = 0 if one.beyond else within + 1
        if within > rule.windows - rule.alarm:
            break
        since = start if one.beyond else since
    return since
