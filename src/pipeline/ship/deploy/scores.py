"""The scores of logged rows, as the numbers that the shift is judged by."""

import math
from collections.abc import Iterable, Sequence

from pipeline.predictions.line import Line
from pipeline.ship.deploy.evidence import Moments


def score_limits(lines: Sequence[Line]) -> tuple[float, float] | None:
    """The range that scores are clipped to: 0 to 1 for classes, else that of the values; None without any."""
    if any(line.label is not None for line in lines):
        return 0.0, 1.0
    values = [line.score for line in lines]
    return (min(values), max(values)) if values else None


def scores(lines: Iterable[Line], limits: tuple[float, float] | None) -> Moments:
    """One number for each request: the mean score of its rows (row id: request id, a hyphen, the row's index)."""
    grouped: dict[str, list[float]] = {}
    low, high = limits or (-math.inf, math.inf)
    for line in lines:
        grouped.setdefault(line.id.rpartition("-")[0], []).append(min(max(line.score, low), high))
    return Moments.of(sum(values) / len(values) for values in grouped.values())
