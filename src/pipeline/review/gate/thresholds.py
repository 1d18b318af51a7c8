"""Decision thresholds of both models, and what each decides at one of them.

Precision, recall and F1 move with the threshold: beside figures at each model's own stand those at the champion's.
"""

from dataclasses import replace

from pipeline.core.params import Gate
from pipeline.evaluation.point import figures
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.no_regression import estimate_change
from pipeline.review.gate.verdict import Change, Thresholds

DECIDED = ("f1", "precision", "recall")  # metrics of decisions, not of scores


def compare(candidate: Scored, champion: Scored | None, gate: Gate) -> Thresholds | None:
    """Both models' thresholds; None for a task that has none. Without a champion the candidate's alone."""
    if candidate.task != "binary":
        return None
    if champion is None or candidate.threshold == champion.threshold:
        return Thresholds(candidate.threshold, champion.threshold if champion is not None else None)
    moved = replace(candidate, threshold=champion.threshold)
    return Thresholds(
        candidate.threshold, champion.threshold, tuple(_change(name, moved, champion, gate) for name in DECIDED)
    )


def _change(metric: str, candidate: Scored, champion: Scored, gate: Gate) -> Change:
    estimate = estimate_change(metric, candidate, champion, gate, gate.confidence)
    own, other = (figures(scored, [metric])[metric] for scored in (candidate, champion))
    return Change(metric, own, other, estimate.value, estimate.lower, estimate.upper)
