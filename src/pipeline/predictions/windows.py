"""The prediction log window by window, as the monitor assesses it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from pipeline.predictions.damage import Damage


@dataclass(frozen=True)
class Window:
    """The rows of [start, end), UTC.

    `rows` counts each id once: exactly, or estimated from the sample where the window holds more ids than the sample
    and some occur twice; the counts by release and by column are scaled with it. `missing` and `unseen` count what the
    service flagged when it answered. `latency` is the p99 over the rows, in milliseconds, within 1 %.

    `sample`: the rows with the lowest hashes of their id, in that order: the signature's columns as training has them
    (one that was not logged is absent). `answers`: for the same rows, with the same index, `id`, `time`, `release`,
    `score` and `label` (the predicted class; missing for a regression); where labels may come, more rows follow, up to
    a bound. They are two tables because a feature may have any of these names. `truth`: the labels that came later for
    rows of `answers`, by its index, as text (numbers for a regression); None where no labels were joined.

    `complete` is False for a window that is still filling or lies partly outside the period: it is never judged.
    """

    start: datetime
    end: datetime
    rows: int
    complete: bool
    sample: pd.DataFrame
    answers: pd.DataFrame
    releases: dict[str, int]
    missing: dict[str, int]
    unseen: dict[str, int]
    latency: float | None
    truth: "pd.Series[Any] | None" = None


@dataclass(frozen=True)
class Labels:
    """Labels that came later: how many were read, how many belong to a sampled row, how many to no row of the windows.

    `unknown` is exact where every sample holds its whole window, else estimated from the ids with the lowest hashes; it
    includes labels of rows before the first window.
    """

    rows: int
    joined: int
    unknown: int


@dataclass(frozen=True)
class WindowedLog:
    """The windows, oldest first, with empty ones in between; `rows` is their sum, with repeated ids counted again."""

    windows: tuple[Window, ...]
    damage: Damage
    rows: int
    files: int
    until: datetime
    labels: Labels | None = None
