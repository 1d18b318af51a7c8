"""What an issue of the monitor remembers between two runs: a line of its body that GitHub does not show."""

import json
import re
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from pipeline.core import formats

LINE = re.compile(r"^<!-- pipeline-monitor-memory (\{.*\}) -->\r?$", re.MULTILINE)
FORMAT = 1  # a line without a number is of format 1
LONGEST = 20  # events that are kept


class Memory(BaseModel):
    """`signals` alarm, each since when; retraining was asked for because of `asked`, with so many labels.

    `closed` is how the monitor closed the issue, so that a closed issue without it was closed by a person.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = FORMAT
    signals: dict[str, AwareDatetime] = {}
    asked: tuple[str, ...] = ()
    labelled: int = 0
    closed: Literal["recovered", "released"] | None = None
    cure: int | None = None  # the retraining pull request whose release closed the issue
    released: AwareDatetime | None = None  # when that release went into production
    events: tuple[str, ...] = ()  # Markdown, the oldest first

    def __str__(self) -> str:
        """The line. Nothing in it can end the comment that it stands in."""
        kept = self.model_dump_json().replace(">", "\\u003e")
        return f"<!-- pipeline-monitor-memory {kept} -->"

    def but(self, *events: str, at: datetime, **changes: object) -> "Memory":
        """With these changes, and what happened noted at that time."""
        noted = (*self.events, *(f"{moment(at)}: {event}" for event in events))[-LONGEST:]
        return self.model_copy(update=changes | {"events": noted})


def recalled(body: str, where: str) -> Memory:
    """What the body of the issue `where` remembers; nothing where somebody has edited it away.

    PipelineError where it is of a newer format.
    """
    found = LINE.search(body)
    try:
        data = json.loads(found[1]) if found else {}
        formats.check(f"{where}: its hidden state", data, FORMAT)
        return Memory.model_validate_json(found[1]) if found else Memory()
    except (ValueError, RecursionError):  # pydantic's errors are ValueErrors
        return Memory()


def moment(at: datetime) -> str:
    """2026-11-21 06:17 UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def lasted(since: datetime, until: datetime) -> str:
    """How long something lasts, for people: 40 minutes, 5 hours, 3 days."""
    minutes = max(0, int((until - since).total_seconds() // 60))
    size, unit = next(
        ((size, unit) for size, unit in ((1440, "day"), (60, "hour")) if minutes >= 2 * size), (1, "minute")
    )
    count = minutes // size
    return f"{count} {unit}{'' if count == 1 else 's'}"
