"""Bootstrap intervals: how far figures would vary on other rows from the same population."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, factorial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.core.tasks import Task, has_interval
from pipeline.evaluation.metrics import Array, Figures, Weights, prepare

if TYPE_CHECKING:
    from pipeline.evaluation.scoring import Scored

CELLS = 2**24  # resamples times rows that are drawn at once
MAX_CHUNK = 256  # resamples in a chunk, at most


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; NaN where it is undefined (ROC AUC of one class), or the rows are too few for one."""

    value: float
    lower: float
    upper: float

    def to_json(self) -> dict[str, float | None]:
        """The three figures for a report, null where they are undefined."""
        return {name: figure if np.isfinite(figure) else None for name, figure in vars(self).items()}


def resamples(rows: int, count: int, seed: int) -> Iterator[npt.NDArray[np.uint8]]:
    """How often each row counts in each of `count` resamples, in chunks (b, rows): Poisson(1), as rows drawn with
    replacement are in the limit (Hanley & MacGibbon 2006; Chamandy et al. 2012). Same arguments, same counts."""
    source = np.random.default_rng(seed)
    counts = _poisson_table()
    step = max(1, min(MAX_CHUNK, CELLS // max(1, rows)))
    for first in range(0, count, step):
        size = (min(step, count - first), rows)
        yield counts[source.integers(0, 2**16, size, dtype=np.uint16)]


def _poisson_table() -> npt.NDArray[np.uint8]:
    """Poisson(1) counts for each 16-bit number: a draw is a look-up, many times as fast as drawing from the formula."""
    share = np.array([exp(-1) / factorial(k) for k in range(12)])
    cumulative = np.round(np.cumsum(share) * 2**16)
    return np.searchsorted(cumulative, np.arange(2**16), side="right").astype(np.uint8)


def intervals(
    task: Task, names: Sequence[str], scored: "Scored", count: int, confidence: float, seed: int
) -> dict[str, Estimate]:
    """Each named metric on the scored rows with its percentile interval (Efron 1981), where they are enough for one."""
    samples = sampled(task, names, scored, count, seed)
    return {
        name: _with_interval(name, value, draws, confidence)
        if has_interval(name, len(scored.target), rarer_class_rows(task, scored.target))
        else Estimate(value, np.nan, np.nan)
        for name, (value, draws) in samples.items()
    }


def rarer_class_rows(task: Task, target: npt.NDArray[Any]) -> int | None:
    """The rows of a binary target's (n,) rarer class; None for another task."""
    return int(min((target == 1).sum(), (target == 0).sum())) if task == "binary" else None


def sampled(
    task: Task,
    names: Sequence[str],
    scored: "Scored",
    count: int,
    seed: int,
    blocks: npt.NDArray[np.intp] | None = None,
) -> dict[str, tuple[float, Array]]:
    """Each named metric on the scored rows, and on `count` resamples of them (count,).

    `blocks`: (rows,) the block of each row, numbered from 0: whole blocks are drawn (Davison & Hinkley 1997, 3.8).
    """
    figures = prepare(
        task,
        names,
        scored.target,
        scored.score,
        threshold=scored.threshold,
        quantile=scored.quantile,
        bins=scored.bins,
    )
    rows = len(scored.target)
    point, draws = figures(_unit_weights(rows)), _draw(figures, rows, count, seed, blocks)
    return {name: (float(point[name][0]), draws[name]) for name in names}


def paired(
    task: Task,
    name: str,
    target: npt.NDArray[Any],
    candidate_score: npt.NDArray[Any],
    champion_score: npt.NDArray[Any],
    count: int,
    confidence: float,
    seed: int,
    *,
    candidate_threshold: float | None = None,
    champion_threshold: float | None = None,
    quantile: float = 0.5,
    bins: int = 10,
) -> Estimate:
    """Candidate minus champion of one metric on the same rows, both under the same resamples.

    No interval where the rows are too few for one, unless the scores are the same: then nothing changed on any rows.
    """
    candidate = prepare(
        task, [name], target, candidate_score, threshold=candidate_threshold, quantile=quantile, bins=bins
    )
    champion = prepare(task, [name], target, champion_score, threshold=champion_threshold, quantile=quantile, bins=bins)

    def change(weights: Weights) -> dict[str, Array]:
        return {name: candidate(weights)[name] - champion(weights)[name]}

    rows = len(target)
    value = float(change(_unit_weights(rows))[name][0])
    same = np.array_equal(candidate_score, champion_score) and candidate_threshold == champion_threshold
    if not same and not has_interval(name, rows, rarer_class_rows(task, target)):
        return Estimate(value, np.nan, np.nan)
    return estimate(value, _draw(change, rows, count, seed)[name], confidence)


def estimate(value: float, draws: Array, confidence: float) -> Estimate:
    """`value` with the percentile interval of the resampled figures (count,); none where most are undefined."""
    finite = draws[np.isfinite(draws)]
    if not np.isfinite(value) or 2 * len(finite) < len(draws):
        return Estimate(value, np.nan, np.nan)
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(finite, [tail, 1 - tail])
    return Estimate(value, float(lower), float(upper))


def _with_interval(name: str, value: float, draws: Array, confidence: float) -> Estimate:
    interval = estimate(value, draws, confidence)
    if name != "calibration_error" or not np.isfinite(interval.upper):
        return interval
    # Noise only adds to a sum of absolute gaps, in the sample as in its resamples (Kumar et al. 2019), so the
    # interval is reflected around the value (the basic bootstrap, Davison & Hinkley 1997).
    return Estimate(value, max(0.0, 2 * value - interval.upper), max(value, 2 * value - interval.lower))


def _unit_weights(rows: int) -> npt.NDArray[np.uint8]:
    return np.ones((1, rows), np.uint8)


def _draw(
    figures: Figures, rows: int, count: int, seed: int, blocks: npt.NDArray[np.intp] | None = None
) -> dict[str, Array]:
    drawn = resamples(rows if blocks is None else int(blocks.max()) + 1, count, seed)
    parts = [figures(weights if blocks is None else weights[:, blocks]) for weights in drawn]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
