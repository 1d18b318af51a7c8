"""Fairness: how differently a binary model decides for the groups of a sensitive column, against its bounds."""

import numpy as np

from pipeline.core.params import Gate, GateFairness
from pipeline.core.tasks import FAIRNESS, higher_is_better
from pipeline.evaluation import fairness
from pipeline.evaluation.bootstrap import Estimate
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.verdict import Mark, Rule, Subject


def rules(candidate: Scored, champion: Scored | None, gate: Gate) -> list[Rule]:
    """Three rules for each sensitive column; what the champion has already is no reason to fail."""
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
    groups = [name for name, enough in zip(names, large, strict=True) if enough]
    small = [name for name in names if name not in groups]
    left_out = f"; too small to judge: {', '.join(small)}" if small else ""
    if len(groups) < 2:
        sentence = f"not judged: fewer than two groups are large enough{left_out}"
        return [Rule("fairness", "note", sentence, subject=Subject(column=column))]
    found = fairness.estimates(counts[large], gate.bootstrap, gate.confidence, gate.seed)
    had = _had(champion, column, groups)
    return [
        _rule(Subject(name, column), name, found[name], had.get(name, np.nan), getattr(bounds, name), left_out)
        for name in FAIRNESS
    ]


def _had(champion: Scored | None, column: str, groups: list[str]) -> dict[str, float]:
    """The champion's figures over the same groups."""
    if champion is None:
        return {}
    names, counts = fairness.cells(champion.target, champion.decisions(), champion.sensitive[column])
    same = [place for place, name in enumerate(names) if name in groups]
    return {name: float(value) for name, value in fairness.figures(counts[same]).items()} if same else {}


def _rule(subject: Subject, figure: str, found: Estimate, had: float, bound: float, left_out: str) -> Rule:
    mark, sentence = _outcome(figure, found, had, bound)
    return Rule("fairness", mark, sentence + left_out, found.value, found.lower, found.upper, bound, subject)


def _outcome(figure: str, found: Estimate, had: float, bound: float) -> tuple[Mark, str]:
    """The interval decides; beyond the bound, but not surely worse than the champion on the same rows, warns."""
    if np.isnan([found.value, found.lower, found.upper]).any():
        return "note", "undefined: no row of these groups is selected, or none could be"
    sign = -1 if higher_is_better(figure) else 1  # turns the figures so that higher is worse
    nearest = found.upper if higher_is_better(figure) else found.lower  # the interval's end on the side of the bound
    if sign * found.value <= sign * bound:
        return "pass", "within the bound"
    if sign * nearest <= sign * bound:
        return "warn", "beyond the bound, but these rows can't tell for sure"
    if sign * had > sign * bound and sign * nearest <= sign * had:
        return "warn", f"beyond the bound, but the champion has it already ({had:.3g})"
    return "fail", "the whole interval lies beyond the bound"
