"""Fairness: how differently a binary model decides for the groups of a sensitive column, against its bounds."""

import numpy as np

from pipeline.core.params import Gate, GateFairness
from pipeline.core.tasks import FAIRNESS, higher_is_better
from pipeline.evaluation import fairness
from pipeline.evaluation.bootstrap import Estimate
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.verdict import Mark, Rule, Subject


def rules(candidate: Scored, champion: Scored | None, gate: Gate) -> list[Rule]:
    """Three rules for each sensitive column; a gap that the champion has too is no reason to fail."""
    if gate.fairness is None or candidate.task != "binary":
        return []
    return [
        rule
        for column in candidate.sensitive.columns
        for rule in _column(str(column), candidate, champion, gate, gate.fairness)
    ]


def _column(column: str, candidate: Scored, champion: Scored | None, gate: Gate, bounds: GateFairness) -> list[Rule]:
    names, counts = fairness.cells(candidate.target, candidate.decisions(), candidate.sensitive[column])
    negatives, positives = counts.sum(axis=2).T
    large = (positives >= bounds.min_positives) & (negatives >= bounds.min_negatives)
    groups = [name for name, is_large in zip(names, large, strict=True) if is_large]
    small = [name for name in names if name not in groups]
    left_out = f"; too small to judge: {', '.join(small)}" if small else ""
    if len(groups) < 2:
        sentence = f"not judged: fewer than two groups are large enough{left_out}"
        return [Rule("fairness", "note", sentence, subject=Subject(column=column))]
    estimates = fairness.estimates(counts[large], gate.bootstrap, gate.confidence, gate.seed)
    baseline = _champion_values(champion, column, groups)
    return [
        _rule(Subject(name, column), name, estimates[name], baseline.get(name, np.nan), getattr(bounds, name), left_out)
        for name in FAIRNESS
    ]


def _champion_values(champion: Scored | None, column: str, groups: list[str]) -> dict[str, float]:
    """The champion's figures over the same groups."""
    if champion is None:
        return {}
    names, counts = fairness.cells(champion.target, champion.decisions(), champion.sensitive[column])
    shared = [index for index, name in enumerate(names) if name in groups]
    return {name: float(value) for name, value in fairness.figures(counts[shared]).items()} if shared else {}


def _rule(subject: Subject, figure: str, estimate: Estimate, baseline: float, bound: float, left_out: str) -> Rule:
    mark, sentence = _outcome(figure, estimate, baseline, bound)
    return Rule("fairness", mark, sentence + left_out, estimate.value, estimate.lower, estimate.upper, bound, subject)


def _outcome(figure: str, estimate: Estimate, baseline: float, bound: float) -> tuple[Mark, str]:
    """The interval decides; what is beyond the bound, but not clearly worse than the champion, warns."""
    if np.isnan([estimate.value, estimate.lower, estimate.upper]).any():
        return "note", "undefined: no row of these groups is selected, or none could be"
    sign = -1 if higher_is_better(figure) else 1  # turns the figures so that higher is less fair
    nearest = estimate.upper if higher_is_better(figure) else estimate.lower  # to the bound
    if sign * estimate.value <= sign * bound:
        return "pass", "within the bound"
    if sign * nearest <= sign * bound:
        return "warn", "beyond the bound, but these rows can't tell for sure"
    if sign * baseline > sign * bound and sign * nearest <= sign * baseline:
        return "warn", f"beyond the bound, but so is the champion ({baseline:.3g})"
    return "fail", "the whole interval lies beyond the bound"
