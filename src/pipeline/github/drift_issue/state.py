"""The state that an issue of the monitor keeps between two runs: a line of its body that GitHub does not show."""

import json
import re
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from pipeline.core import format_numbers

LINE = re.compile(r"^<!-- pipeline-monitor-memory (\{.*\}) -->\r?$", re.MULTILINE)
FORMAT = 1  # a line without a number is of format 1
MAX_EVENTS = 20


class State(BaseModel):
    """`signals` alarm, each since when; retraining was started for those in `asked`, when there were `labelled` labels.

    `closed` is how the monitor closed the issue, so that a closed issue without it was closed by a person.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = FORMAT
    signals: dict[str, AwareDatetime] = {}
    asked: tuple[str, ...] = ()
    labelled: int = 0
    closed: Literal["recovered", "released"] | None = None
    retraining: int | None = Field(default=None, alias="cure")  # the pull request whose release closed the issue
    released: AwareDatetime | None = None  # when that release went into production
    events: tuple[str, ...] = ()  # Markdown, the oldest first

    def __str__(self) -> str:
        """The line. Nothing in it can end the comment that it stands in."""
        data = self.model_dump_json(by_alias=True).replace(">", "\\u003e")
        return f"<!-- pipeline-monitor-memory {data} -->"

    def updated(self, *events: str, at: datetime, **changes: object) -> "State":
        """A copy with these changes, and with the events at that time."""
        all_events = (*self.events, *(f"{format_time(at)}: {event}" for event in events))[-MAX_EVENTS:]
        return self.model_copy(update=changes | {"events": all_events})


def read_state(body: str, source: str) -> State:
    """The state in the body of the issue `source`; an empty one where somebody has removed the line.

    PipelineError where it is of a newer format.
    """
    line = LINE.search(body)
    try:
        data = json.loads(line[1]) if line else {}
        format_numbers.check(f"{source}: its hidden state", data, FORMAT)
        return State.model_validate_json(line[1]) if line else State()
    except (ValueError, RecursionError):  # pydantic's errors are ValueErrors
        return State()


def format_time(at: datetime) -> str:
    """2026-11-21 06:17 UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def format_duration(since: datetime, until: datetime) -> str:
    """How long something lasts: 40 minutes, 5 hours, 3 days."""
    minutes = max(0, int((until - since).total_seconds() // 60))
    size, unit = next(
        ((size, unit) for size, unit in ((1440, "day"), (60, "hour")) if minutes >= 2 * size), (1, "minute")
    )
    count = minutes // size
    return f"{count} {unit}{'' if count == 1 else 's'}"
