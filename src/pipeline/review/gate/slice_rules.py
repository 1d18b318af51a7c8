"""Slices: the regression test for each value of the slice columns, corrected for how many are tested."""

from dataclasses import replace

import numpy as np

from pipeline.core.params import Gate, GateSlices
from pipeline.core.tasks import ENOUGH_ROWS
from pipeline.evaluation import bootstrap
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.no_regression import estimate_gain, outcome
from pipeline.review.gate.verdict import Rule, Subject

Slice = tuple[Subject, Scored, Scored]


def rules(baseline: str, candidate: Scored, other: Scored, gate: Gate) -> list[Rule]:
    """One rule for each value; the two models are scored on the same rows. Slices too small to judge are notes."""
    if gate.slices is None:
        return []
    bounds, pieces = gate.slices, _slices(gate.primary, candidate, other)
    judged = [piece for piece in pieces if not _reason_not_judged(piece[1], bounds)]
    confidence = 1 - (1 - gate.confidence) / max(1, len(judged))  # Bonferroni
    return [replace(_rule(piece, gate, bounds, confidence), baseline=baseline) for piece in pieces]


def _slices(metric: str, candidate: Scored, other: Scored) -> list[Slice]:
    pieces = []
    for column in candidate.slices.columns:
        labels = candidate.slices[column].to_numpy(object)
        for value in sorted(set(labels)):
            mask = labels == value
            pieces.append((Subject(metric, str(column), str(value)), candidate.rows(mask), other.rows(mask)))
    return pieces


def _rule(piece: Slice, gate: Gate, bounds: GateSlices, confidence: float) -> Rule:
    subject, candidate, other = piece
    reason = _reason_not_judged(candidate, bounds)
    gain = estimate_gain(gate.primary, candidate, other, gate, gate.confidence if reason else confidence)
    mark = "note" if reason else outcome(gain, bounds.tolerance)
    sentence = {
        "pass": f"no loss beyond {bounds.tolerance:g} in its {len(candidate):,} rows",
        "warn": f"its {len(candidate):,} rows can't rule out a loss beyond {bounds.tolerance:g}",
        "fail": f"{gate.primary} is worse here by more than the {bounds.tolerance:g} allowed ({len(candidate):,} rows)",
        "note": f"not judged: {reason or f'{gate.primary} is undefined here'}",
    }[mark]
    bound = None if mark == "note" else -bounds.tolerance
    own, champion = (bootstrap.value(gate.primary, scored) for scored in (candidate, other))
    found = Rule("slice", mark, sentence, gain.value, gain.lower, gain.upper, bound, subject)
    return replace(found, candidate=own, champion=champion, rows=len(candidate))


def _reason_not_judged(scored: Scored, bounds: GateSlices) -> str:
    """Why a slice is too small to be judged; empty where it is not."""
    if len(scored) < bounds.min_rows:
        return f"{len(scored):,} rows, fewer than {bounds.min_rows:,}"
    if scored.task == "binary":
        rarest = int(min(np.sum(scored.target == 1), np.sum(scored.target == 0)))
        if rarest < ENOUGH_ROWS:
            return f"{rarest} rows of a class, fewer than {ENOUGH_ROWS}"
    return ""
