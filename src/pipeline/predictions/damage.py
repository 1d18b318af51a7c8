"""Damage in the log or the labels, counted by kind, and the error for an input that can't be read at all."""

from dataclasses import dataclass, field
from typing import Literal

from pipeline.core.errors import PipelineError

Input = Literal["log", "labels", "reference"]
MAX_PLACES = 10  # places that are listed

# What is counted under each kind, in words.
KINDS = {
    "lines": "lines of the log that are no JSON object, or half of one",
    "types": "rows of the log that lack a field or have one of another type",
    "duplicates": "rows of the log with the id of an earlier row",
    "future": "rows of the log later than now",
    "files": "files that can't be read to their end",
    "labels": "rows of the label files without an id or of another form",
    "relabelled": "ids with two different labels, of which the later one counts",
}


class InputUnreadableError(PipelineError):
    """The log, the labels or the reference are missing, empty, damaged or unreachable, which never means "no drift"."""

    def __init__(self, kind: Input, message: str) -> None:
        super().__init__(message)
        self.kind: Input = kind


@dataclass
class Damage:
    """Counts by kind (KINDS), and the first places as `file:line: why` (an unreadable file has no line)."""

    lines: int = 0
    types: int = 0
    duplicates: int = 0
    future: int = 0
    files: int = 0
    labels: int = 0
    relabelled: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, kind: str, place: str, reason: str, count: int = 1) -> None:
        """Count damage of a kind, and list its place while fewer than MAX_PLACES are listed."""
        setattr(self, kind, getattr(self, kind) + count)
        if len(self.places) < MAX_PLACES:
            self.places.append(f"{place}: {reason}")

    def __add__(self, other: "Damage") -> "Damage":
        counts = {name: count + getattr(other, name) for name, count in vars(self).items() if name != "places"}
        return Damage(**counts, places=[*self.places, *other.places][:MAX_PLACES])

    @property
    def counts(self) -> dict[str, int]:
        """Each kind's count, without zeros."""
        return {name: count for name, count in vars(self).items() if name != "places" and count}
