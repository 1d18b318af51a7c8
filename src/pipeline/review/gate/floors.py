"""Floors: each named metric, on all test rows, against the worst value that passes."""

import math

from pipeline.core.params import Gate
from pipeline.core.tasks import higher_is_better
from pipeline.evaluation.bootstrap import Estimate, intervals
from pipeline.evaluation.rare_classes import too_rare
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.verdict import Mark, Rule, Subject


def rules(candidate: Scored, gate: Gate) -> list[Rule]:
    """One rule for each of gate.floors; an undefined metric fails, because nothing shows that it is good enough."""
    if not gate.floors:
        return []
    estimates = intervals(candidate.task, list(gate.floors), candidate, gate.bootstrap, gate.confidence, gate.seed)
    return [_rule(name, estimates[name], floor, too_rare(candidate, name)) for name, floor in gate.floors.items()]


def _rule(metric: str, estimate: Estimate, floor: float, reason: str) -> Rule:
    """The rule on one floor; `reason` is why the rows can't tell, empty where they can."""
    mark: Mark = "warn" if reason else "pass" if holds(metric, estimate.value, floor) else "fail"
    sentence = f"not judged: {reason}" if reason else _sentence(metric, estimate.value, floor)
    return Rule("floor", mark, sentence, estimate.value, estimate.lower, estimate.upper, floor, Subject(metric))


def holds(metric: str, value: float, floor: float) -> bool:
    """Whether the value is on the good side of the floor; never where it is NaN."""
    return value >= floor if higher_is_better(metric) else value <= floor


def _sentence(metric: str, value: float, floor: float) -> str:
    if math.isnan(value):
        return f"{metric} is undefined on these test rows"
    if holds(metric, value, floor):
        return "good enough"
    return f"below the floor {floor:g}" if higher_is_better(metric) else f"above the highest that passes, {floor:g}"
