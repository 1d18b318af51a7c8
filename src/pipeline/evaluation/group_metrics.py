"""How far metrics of groups are apart, where the task is not binary."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.params import Evaluate
from pipeline.core.tasks import ENOUGH_ROWS, Task
from pipeline.evaluation import point
from pipeline.evaluation.bootstrap import Estimate, estimate, sampled
from pipeline.evaluation.group_intervals import MAX_DRAWS, Array, places, worst_pair
from pipeline.evaluation.scoring import Scored

Sample = tuple[float, Array]  # a figure, and the same on resamples (count,)

# What groups are compared by: the figure, and its metric.
COMPARED: dict[Task, dict[str, str]] = {
    "multiclass": {"accuracy": "accuracy"},
    "regression": {"mae": "mae", "mean_prediction": "mean_score", "mean_target": "mean_target"},
}


def report(scored: Scored, groups: "pd.Series[Any]", evaluate: Evaluate) -> dict[str, Any]:
    """Each group's metrics, and the largest difference between two groups, with intervals."""
    (names, place), confidence, seed = places(groups), evaluate.confidence, evaluate.seed
    samples = _samples(scored, groups, evaluate.bootstrap, seed)
    return {
        "groups": [
            {"group": name, "rows": rows}
            | {figure: estimate(value, draws, confidence).to_json() for figure, (value, draws) in group.items()}
            for name, rows, group in zip(names, np.bincount(place), samples, strict=True)
        ]
    } | {name: difference.to_json() for name, difference in _differences(samples, confidence, seed).items()}


def differences(
    scored: Scored, groups: "pd.Series[Any]", count: int, confidence: float, seed: int
) -> dict[str, Estimate]:
    """The largest difference between two groups, by figure, with intervals from `count` resamples of each group."""
    return _differences(_samples(scored, groups, count, seed), confidence, seed)


def point_differences(scored: Scored, groups: "pd.Series[Any]") -> dict[str, float]:
    """The same without intervals."""
    (names, place), metrics = places(groups), COMPARED[scored.task]
    by_group = [point.figures(scored.rows(place == i), tuple(metrics.values())) for i in range(len(names))]
    values = {figure: [group[metric] for group in by_group] for figure, metric in metrics.items()}
    return {f"{figure}_difference": max(of_groups) - min(of_groups) for figure, of_groups in values.items()}


def _samples(scored: Scored, groups: "pd.Series[Any]", count: int, seed: int) -> list[dict[str, Sample]]:
    """The figures of each group, the groups sorted by name."""
    names, place = places(groups)
    return [_sampled(scored.rows(place == i), count, seed + i) for i in range(len(names))]


def _differences(samples: list[dict[str, Sample]], confidence: float, seed: int) -> dict[str, Estimate]:
    return {
        f"{figure}_difference": _difference([group[figure] for group in samples], confidence, seed)
        for figure in samples[0]
    }


def _sampled(part: Scored, count: int, seed: int) -> dict[str, Sample]:
    """The figures of a group. Few rows say nothing about others of their group: their resamples are undefined."""
    metrics = COMPARED[part.task]
    samples = sampled(part.task, tuple(metrics.values()), part, count, seed)
    offset = np.nan if len(part) < ENOUGH_ROWS else 0.0
    return {figure: (samples[metric][0], samples[metric][1] + offset) for figure, metric in metrics.items()}


def _difference(samples: list[Sample], confidence: float, seed: int) -> Estimate:
    """Highest minus lowest. The groups' resamples are independent, so that one of a group can be paired with any of
    another: the tails that many pairs need cost no further resamples."""
    values, draws = zip(*samples, strict=True)
    source = np.random.default_rng(seed)
    mixed = np.stack([source.choice(group, MAX_DRAWS) for group in draws], axis=1)
    return worst_pair(max(values) - min(values), [mixed], False, confidence)
