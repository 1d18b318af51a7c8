"""What can't be used: rows of a log or of labels, counted by kind, and an input as a whole."""

from dataclasses import dataclass, field
from typing import Literal

from pipeline.core.errors import PipelineError

Input = Literal["log", "labels", "reference"]
SHOWN = 10  # places that are named


class InputUnreadableError(PipelineError):
    """The log, the labels or the reference are missing, empty, damaged or out of reach, which is never "no drift"."""

    def __init__(self, kind: Input, message: str) -> None:
        super().__init__(message)
        self.kind: Input = kind


@dataclass
class Damage:
    """Counts by kind, and the first places as `file:line: why` (an unreadable file has no line).

    lines: no JSON object, or half of one; types: a field is missing or of another type; duplicates: rows whose id came
    before; future: rows later than now; files: files that can't be read, or not to their end; labels: labels without
    an id or of another type; relabelled: ids that got two different labels, of which the later one counts.
    """

    lines: int = 0
    types: int = 0
    duplicates: int = 0
    future: int = 0
    files: int = 0
    labels: int = 0
    relabelled: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, kind: str, place: str, why: str, count: int = 1) -> None:
        """Count damage of a kind, and name its place while there is room."""
        setattr(self, kind, getattr(self, kind) + count)
        if len(self.places) < SHOWN:
            self.places.append(f"{place}: {why}")

    def __add__(self, other: "Damage") -> "Damage":
        counts = {name: count + getattr(other, name) for name, count in vars(self).items() if name != "places"}
        return Damage(**counts, places=[*self.places, *other.places][:SHOWN])

    @property
    def counts(self) -> dict[str, int]:
        """Each kind's count, zeros left out."""
        return {name: count for name, count in vars(self).items() if name != "places" and count}
