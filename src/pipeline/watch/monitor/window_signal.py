"""A signal in a window: its value and bound, and what is known of each column."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.drift.stattests import LARGEST, Score
from pipeline.watch.monitor.cumulative import Evidence
from pipeline.watch.monitor.result import Metric


@dataclass(frozen=True)
class ComparedColumn:
    """A column's distance in a window, its bound there, and whether a large change would stay within that bound.

    `shared`: the rows of a day (or group) are not independent of each other.
    """

    distance: Score
    bound: float
    unclear: bool
    shared: bool = False

    @property
    def ratio(self) -> float:
        """The distance as a multiple of the bound, at most LARGEST."""
        return ratio(self.distance.score, self.bound)

    @property
    def judged(self) -> bool:
        return self.ratio > 1 or not self.unclear


def ratio(distance: float, bound: float) -> float:
    """A distance as a multiple of its bound, which may be 0; at most LARGEST."""
    return min(distance / bound, LARGEST) if bound else LARGEST * (distance > 0)


@dataclass(frozen=True)
class WindowSignal:
    """A signal in a window. Where it can't be judged, `beyond` is None and `detail` says why; else what is furthest."""

    value: float | None = None
    bound: float | None = None
    beyond: bool | None = None
    detail: str = ""
    columns: Mapping[str, ComparedColumn] = field(default_factory=dict)
    metric: Metric | None = None
    evidence: Evidence | None = None  # of a loss


def too_few(rows: int, minimum: int) -> WindowSignal | None:
    """The signal of a window that has too few rows; None where it has enough."""
    return (
        None
        if rows >= minimum
        else WindowSignal(detail=f"{rows:,} rows, {minimum:,} are needed: longer windows hold more")
    )
