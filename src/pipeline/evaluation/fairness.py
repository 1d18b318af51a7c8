"""Fairness: how a model treats the groups of a sensitive column.

A binary model's figures follow from the counts of group x label x prediction, and so do their intervals: they cost
the same for a thousand rows as for a million. Those of the other tasks are metrics of each group's rows.
"""

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core.params import Evaluate
from pipeline.evaluation import group_metrics
from pipeline.evaluation.bootstrap import Estimate
from pipeline.evaluation.group_intervals import MAX_DRAWS, TAIL_DRAWS, Array, places, worst_pair
from pipeline.evaluation.scoring import Scored

Counts = npt.NDArray[Any]  # (..., groups, 2 labels, 2 predictions)

# Figure: the rates that it compares between groups, and whether as a ratio (lowest over highest) or a difference.
FIGURES: dict[str, tuple[tuple[str, ...], bool]] = {
    "disparate_impact": (("selection_rate",), True),
    "statistical_parity_difference": (("selection_rate",), False),
    "equal_opportunity_difference": (("true_positive_rate",), False),
    "equalized_odds_difference": (("true_positive_rate", "false_positive_rate"), False),
}


def cells(target: npt.NDArray[Any], predicted: npt.NDArray[Any], groups: Any) -> tuple[tuple[str, ...], Counts]:
    """The groups, sorted, and how many rows (groups, 2, 2) each has of every label and prediction (0 or 1).

    `groups`: a label for each row, as `slices.labels` makes them.
    """
    names, place = places(groups)
    cell = (place * 2 + np.asarray(target, np.intp)) * 2 + np.asarray(predicted, np.intp)
    return names, np.bincount(cell, minlength=4 * len(names)).reshape(-1, 2, 2)


def rates(counts: Counts) -> dict[str, Array]:
    """Selection, true and false positive rate of each group (..., groups); NaN where it has no such rows."""
    selected, rows = counts[..., 1], counts.sum(axis=-1)  # (..., groups, 2 labels)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "selection_rate": selected.sum(axis=-1) / rows.sum(axis=-1),
            "true_positive_rate": selected[..., 1] / rows[..., 1],
            "false_positive_rate": selected[..., 0] / rows[..., 0],
        }


def figures(counts: Counts) -> dict[str, Array]:
    """Disparate impact (lowest over highest selection rate), statistical parity, equal opportunity and equalised odds
    differences (Hardt et al. 2016; definitions as fairlearn's), (...); groups whose rate is undefined are left out."""
    by_rate = rates(counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = {
            name: (np.fmin.reduce(rate, axis=-1), np.fmax.reduce(rate, axis=-1)) for name, rate in by_rate.items()
        }
        return {
            figure: spread[names[0]][0] / spread[names[0]][1]
            if ratio
            else np.fmax.reduce([spread[name][1] - spread[name][0] for name in names])
            for figure, (names, ratio) in FIGURES.items()
        }


def estimates(counts: Counts, count: int, confidence: float, seed: int) -> dict[str, Estimate]:
    """Each figure of counts (groups, 2, 2) with its interval, by `count` draws or as many as many groups need.

    The interval is that of the pair of groups that reaches furthest, corrected for the number of pairs: "highest minus
    lowest" of the drawn groups would lie too far out, because noise alone spreads groups apart.
    """
    point = figures(counts)
    defined = {name: ~np.isnan(rate) for name, rate in rates(counts).items()}
    pairs = comb(len(counts), 2)
    needed = min(MAX_DRAWS, round(2 * TAIL_DRAWS * pairs / (1 - confidence)))
    draws = rates(_draw(counts, max(count, needed), seed))
    spread = {name: rate[:, defined[name]] for name, rate in draws.items()}
    return {
        figure: worst_pair(float(point[figure]), [spread[name] for name in names], ratio, confidence)
        for figure, (names, ratio) in FIGURES.items()
    }


def _draw(counts: Counts, count: int, seed: int) -> Array:
    """Counts (count, groups, 2, 2) as other rows might give them: gamma, so that a rate is Beta(hits + 1/2,
    misses + 1/2) (Jeffreys' interval, Brown, Cai & DasGupta 2001). In large groups this is the bootstrap of the rows;
    in small ones it keeps its level, where the bootstrap of 0 hits in 2 rows would have no width."""
    return np.random.default_rng(seed).standard_gamma(counts + 0.5, size=(count, *counts.shape))


def report(scored: Scored, evaluate: Evaluate) -> dict[str, Any]:
    """What fairness.json holds for each sensitive column: its groups, and how they differ."""
    compute = _binary if scored.task == "binary" else group_metrics.report
    return {str(column): compute(scored, scored.sensitive[column], evaluate) for column in scored.sensitive.columns}


def _binary(scored: Scored, groups: "pd.Series[Any]", evaluate: Evaluate) -> dict[str, Any]:
    names, counts = cells(scored.target, scored.decisions(), groups)
    by_group, point = by_fairlearn(names, counts)
    bounds = estimates(counts, evaluate.bootstrap, evaluate.confidence, evaluate.seed)
    sizes = counts.sum(axis=2)
    return {
        "groups": [
            {"group": name, "rows": sizes[i].sum(), "positives": sizes[i, 1], "negatives": sizes[i, 0]} | by_group[name]
            for i, name in enumerate(names)
        ]
    } | {name: Estimate(point[name], interval.lower, interval.upper).to_json() for name, interval in bounds.items()}


def by_fairlearn(names: tuple[str, ...], counts: Counts) -> tuple[dict[str, dict[str, float | None]], dict[str, float]]:
    """Each group's rates and the figures of `figures`, by fairlearn from the counts as weighted rows."""
    import fairlearn.metrics as fairlearn

    by_group, comparisons = {name: dict[str, float | None]() for name in names}, dict[str, Any]()
    # The rate of a group without such rows is undefined (fairlearn would return 0).
    group_sizes = {"selection_rate": counts.sum(axis=(1, 2)), "true_positive_rate": counts[:, 1].sum(axis=1)}
    for rate, rows in (group_sizes | {"false_positive_rate": counts[:, 0].sum(axis=1)}).items():
        valid = np.flatnonzero(rows > 0)
        frame = (
            _metric_frame(getattr(fairlearn, rate), [names[i] for i in valid], counts[valid]) if len(valid) else None
        )
        for name in names:
            by_group[name][rate] = float(frame.by_group[name]) if frame is not None and name in frame.by_group else None
        comparisons[rate] = (frame.ratio(), frame.difference()) if frame is not None else (np.nan, np.nan)
    return by_group, {
        figure: float(max(comparisons[rate][0 if ratio else 1] for rate in rates))
        for figure, (rates, ratio) in FIGURES.items()
    }


def _metric_frame(rate: Callable[..., float], names: list[str], counts: Counts) -> Any:
    from fairlearn.metrics import MetricFrame

    place, label, prediction = (part.ravel() for part in np.indices(counts.shape))
    return MetricFrame(
        metrics=rate,
        y_true=label,
        y_pred=prediction,
        sensitive_features=np.array(names, dtype=object)[place],
        sample_params={"sample_weight": counts.ravel()},
    )
