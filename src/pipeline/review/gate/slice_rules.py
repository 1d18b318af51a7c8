"""Slices: the regression test for each value of the slice columns, corrected for how many are tested."""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.core.params import Gate, GateSlices
from pipeline.core.tasks import ENOUGH_ROWS
from pipeline.evaluation.point import figures
from pipeline.evaluation.rare_classes import too_rare
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.tolerance import allowed, constant
from pipeline.review.gate.no_regression import estimate_gain, outcome
from pipeline.review.gate.verdict import Rule, Subject


@dataclass(frozen=True)
class Slice:
    """The rows of one value, as both models scored them, and as one constant prediction for all rows does."""

    subject: Subject
    candidate: Scored
    other: Scored
    constant: Scored


def rules(baseline: str, candidate: Scored, other: Scored, gate: Gate) -> list[Rule]:
    """One rule for each value; the two models are scored on the same rows. Slices too small to judge are notes."""
    if gate.slices is None:
        return []
    bounds, pieces = gate.slices, _slices(gate.primary, candidate, other)
    judged = [piece for piece in pieces if not _reason_not_judged(piece.candidate, gate.primary, bounds)]
    confidence = 1 - (1 - gate.confidence) / max(1, len(judged))  # Bonferroni
    return [_rule(piece, baseline, gate, bounds, confidence) for piece in pieces]


def _slices(metric: str, candidate: Scored, other: Scored) -> list[Slice]:
    pieces, same_for_all = [], constant(other, metric)
    for column in candidate.slices.columns:
        labels = candidate.slices[column].to_numpy(object)
        for value in sorted(set(labels)):
            mask = labels == value
            scored = (one.rows(mask) for one in (candidate, other, same_for_all))
            pieces.append(Slice(Subject(metric, str(column), str(value)), *scored))
    return pieces


def _rule(piece: Slice, baseline: str, gate: Gate, bounds: GateSlices, confidence: float) -> Rule:
    metric, rows = gate.primary, f"{len(piece.candidate):,} rows"
    reason = _reason_not_judged(piece.candidate, metric, bounds)
    gain = estimate_gain(metric, piece.candidate, piece.other, gate, gate.confidence if reason else confidence)
    tolerated = allowed(bounds.tolerance, metric, piece.other, piece.constant, baseline)
    mark = "note" if reason else outcome(gain, tolerated.value)
    sentence = {
        "pass": f"no loss beyond {tolerated} in its {rows}",
        "warn": f"its {rows} can't rule out a loss beyond {tolerated}",
        "fail": f"{metric} is worse here by more than the {tolerated} allowed ({rows})",
        "note": f"not judged: {reason or f'{metric} is undefined here'}",
    }[mark]
    bound = None if mark == "note" else -tolerated.value
    result = Rule("slice", mark, sentence, gain.value, gain.lower, gain.upper, bound, piece.subject, baseline)
    own, champion = (figures(scored, [metric])[metric] for scored in (piece.candidate, piece.other))
    return replace(result, candidate=own, champion=champion, rows=len(piece.candidate))


def _reason_not_judged(scored: Scored, metric: str, bounds: GateSlices) -> str:
    """Why a slice is too small to be judged; empty where it is not."""
    if len(scored) < bounds.min_rows:
        return f"{len(scored):,} rows, fewer than {bounds.min_rows:,}"
    if scored.task == "binary":
        rarest = int(min(np.sum(scored.target == 1), np.sum(scored.target == 0)))
        if rarest < ENOUGH_ROWS:
            return f"{rarest} rows of a class, fewer than {ENOUGH_ROWS}"
    return too_rare(scored, metric)
