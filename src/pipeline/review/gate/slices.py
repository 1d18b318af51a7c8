"""No slice left behind: the regression test for each value of the slice columns, corrected for how many are tested."""

from dataclasses import replace

import numpy as np

from pipeline.core.params import Gate, GateSlices
from pipeline.core.tasks import ENOUGH_ROWS
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.regression import gained, outcome
from pipeline.review.gate.verdict import Rule, Subject

Slice = tuple[Subject, Scored, Scored]


def rules(baseline: str, candidate: Scored, other: Scored, gate: Gate) -> list[Rule]:
    """One rule for each value; the two models are scored on the same rows. Slices too small to judge are notes."""
    if gate.slices is None:
        return []
    bounds, found = gate.slices, _cut(gate.primary, candidate, other)
    judged = [piece for piece in found if not _why_not(piece[1], bounds)]
    corrected = 1 - (1 - gate.confidence) / max(1, len(judged))  # Bonferroni
    return [replace(_rule(piece, gate, bounds, corrected), baseline=baseline) for piece in found]


def _cut(metric: str, candidate: Scored, other: Scored) -> list[Slice]:
    pieces = []
    for column in candidate.slices.columns:
        labels = candidate.slices[column].to_numpy(object)
        for value in sorted(set(labels)):
            chosen = labels == value
            pieces.append((Subject(metric, str(column), str(value)), candidate.rows(chosen), other.rows(chosen)))
    return pieces


def _rule(piece: Slice, gate: Gate, bounds: GateSlices, confidence: float) -> Rule:
    subject, ours, others = piece
    why_not = _why_not(ours, bounds)
    gain = gained(gate.primary, ours, others, gate, gate.confidence if why_not else confidence)
    mark = "note" if why_not else outcome(gain, bounds.tolerance)
    sentence = {
        "pass": f"no loss beyond {bounds.tolerance:g} in its {len(ours):,} rows",
        "warn": f"its {len(ours):,} rows can't rule out a loss beyond {bounds.tolerance:g}",
        "fail": f"{gate.primary} is worse here by more than the {bounds.tolerance:g} allowed ({len(ours):,} rows)",
        "note": f"not judged: {why_not or f'{gate.primary} is undefined here'}",
    }[mark]
    bound = None if mark == "note" else -bounds.tolerance
    return Rule("slice", mark, sentence, gain.value, gain.lower, gain.upper, bound, subject)


def _why_not(scored: Scored, bounds: GateSlices) -> str:
    """Why a slice is too small to be judged; empty where it is not."""
    if len(scored) < bounds.min_rows:
        return f"{len(scored):,} rows, fewer than {bounds.min_rows:,}"
    if scored.task == "binary":
        rarest = int(min(np.sum(scored.target == 1), np.sum(scored.target == 0)))
        if rarest < ENOUGH_ROWS:
            return f"{rarest} rows of a class, fewer than {ENOUGH_ROWS}"
    return ""
