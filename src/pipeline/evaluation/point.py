"""Metrics of scored rows as single figures, without intervals."""

from collections.abc import Sequence

import numpy as np

from pipeline.evaluation.metrics import compute
from pipeline.evaluation.scoring import Scored


def figures(scored: Scored, names: Sequence[str]) -> dict[str, float]:
    """Each named metric on the rows; NaN where it is undefined."""
    figures = compute(
        scored.task,
        names,
        scored.target,
        scored.score,
        np.ones((1, len(scored)), np.uint8),
        threshold=scored.threshold,
        quantile=scored.quantile,
        bins=scored.bins,
    )
    return {name: float(value[0]) for name, value in figures.items()}


def loss(scored: Scored, metric: str) -> float:
    """An error or loss on the rows; of R² what it leaves unexplained, its squared error in units of the variance."""
    value = figures(scored, [metric])[metric]
    return 1 - value if metric == "r2" else value
