"""Curves as data: lists of points that DVC, Mermaid or anything else can draw. They contain counts, but no rows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.metrics import bin_of
from pipeline.evaluation.scoring import Scored

POINTS = 200  # of a curve
BARS = 20  # of a histogram
NAMES = ("roc", "precision_recall", "calibration", "score_histogram", "residuals", "confusion")
Points = list[dict[str, Any]]
Array = npt.NDArray[Any]


def draw(scored: Scored, bins: int) -> dict[str, Points]:
    """The task's curves by name; several classes are drawn one against the rest, each point with its class."""
    return {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[scored.task](scored, bins)


def _binary(scored: Scored, bins: int) -> dict[str, Points]:
    target, score = scored.target, scored.score
    return {
        "roc": roc(target, score),
        "precision_recall": precision_recall(target, score),
        "calibration": calibration(target, score, bins),
        "score_histogram": histogram(score, (0.0, 1.0), {"negatives": target == 0, "positives": target == 1}),
    }


def _multiclass(scored: Scored, bins: int) -> dict[str, Points]:
    confidence, correct = scored.score.max(axis=1), scored.decisions() == scored.target
    curves: dict[str, Points] = {"roc": [], "precision_recall": [], "calibration": []}
    for place, name in enumerate(scored.classes):
        target, score = (scored.target == place).astype(float), scored.score[:, place]
        of_class = {
            "roc": roc(target, score, POINTS // 4),
            "precision_recall": precision_recall(target, score, POINTS // 4),
            "calibration": calibration(target, score, bins),
        }
        for curve, points in of_class.items():
            curves[curve] += [{"class": name} | point for point in points]
    return curves | {
        "score_histogram": histogram(confidence, (0.0, 1.0), {"right": correct, "wrong": ~correct}),
        "confusion": confusion(scored),
    }


def _regression(scored: Scored, bins: int) -> dict[str, Points]:
    residual = scored.target - scored.score
    return {
        "calibration": binned_means(scored.target, scored.score, bins),
        "residuals": histogram(residual, _middle(residual), {}, "residual"),
        "score_histogram": histogram(scored.score, _middle(scored.score), {}),
    }


def roc(target: Array, score: Array, points: int = POINTS) -> Points:
    """False and true positive rate at falling thresholds, from (0, 0) to (1, 1); none where a class is missing."""
    true, false = _ranked(target, score)
    if not (true[-1] and false[-1]):
        return []
    x, y = false / false[-1], true / true[-1]
    return _points({"false_positive_rate": x, "true_positive_rate": y}, x + y, points)


def precision_recall(target: Array, score: Array, points: int = POINTS) -> Points:
    """Recall and precision at falling thresholds; none where there is no positive."""
    true, false = (counts[1:] for counts in _ranked(target, score))
    if not true[-1]:
        return []
    recall, precision = true / true[-1], true / (true + false)
    return _points({"recall": recall, "precision": precision}, recall, points)


def _ranked(target: Array, score: Array) -> tuple[Array, Array]:
    """True and false positives with none predicted positive, then down to each distinct score."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # row of each distinct score
    true = np.cumsum(target[order] > 0)[last]
    return np.append(0, true), np.append(0, last + 1 - true)


def _points(columns: dict[str, Array], along: Array, points: int) -> Points:
    """At most `points` of the curve, evenly spread over the rising `along`, with both ends."""
    positions = np.searchsorted(along, np.linspace(along[0], along[-1], points))
    rows = np.unique(np.concatenate([[0], positions, [len(along) - 1]]))
    return [dict(zip(columns, map(float, row), strict=True)) for row in np.column_stack(list(columns.values()))[rows]]


def calibration(target: Array, score: Array, bins: int) -> Points:
    """Mean score, observed share and rows of each equal-width bin that has rows (reliability diagram,
    Niculescu-Mizil & Caruana 2005)."""
    return _by_bin(target, score, bin_of(score, bins), bins)


def binned_means(target: Array, score: Array, bins: int) -> Points:
    """Mean prediction, mean target and rows of as many rows each, from the lowest predictions to the highest."""
    cuts = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    return _by_bin(target, score, np.searchsorted(cuts, score, side="left"), len(cuts) + 1)


def _by_bin(target: Array, score: Array, place: Array, bins: int) -> Points:
    rows, scores, targets = (np.bincount(place, weight, minlength=bins) for weight in (None, score, target))
    return [
        {"predicted": float(scores[i] / rows[i]), "observed": float(targets[i] / rows[i]), "rows": int(rows[i])}
        for i in np.flatnonzero(rows)
    ]


def histogram(values: Array, limits: tuple[float, float], parts: dict[str, Array], name: str = "score") -> Points:
    """Rows, and those of each part (a mask), in bars of equal width, named by their middle; the outer bars take what is
    beyond."""
    edges = np.linspace(*limits, BARS + 1)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, BARS - 1)
    masks = {"rows": np.ones(len(place), bool)} | parts
    counts = {part: np.bincount(place[mask], minlength=BARS) for part, mask in masks.items()}
    middles = (edges[:-1] + edges[1:]) / 2
    return [{name: float(middles[i])} | {part: int(count[i]) for part, count in counts.items()} for i in range(BARS)]


def _middle(values: Array) -> tuple[float, float]:
    """Where 99 % of the values lie: a single far one would squeeze all others into one bar."""
    low, high = np.quantile(values, [0.005, 0.995])
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def confusion(scored: Scored) -> Points:
    """Rows of each pair of actual and predicted class that occurs."""
    width = len(scored.classes)
    counts = np.bincount(scored.target.astype(np.intp) * width + scored.decisions(), minlength=width**2)
    return [
        {"actual": scored.classes[i // width], "predicted": scored.classes[i % width], "rows": int(counts[i])}
        for i in np.flatnonzero(counts)
    ]
