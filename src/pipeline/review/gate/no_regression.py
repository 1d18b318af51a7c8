"""No regression: a paired bootstrap of candidate minus champion, so that only their difference is judged."""

import math
from statistics import NormalDist

import numpy as np

from pipeline.core.params import Gate
from pipeline.core.tasks import METRICS, higher_is_better
from pipeline.evaluation import bootstrap
from pipeline.evaluation.bootstrap import Estimate
from pipeline.evaluation.metrics import compute
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.verdict import Change, Kind, Mark, Rule, Subject

POWER = 0.8  # at the smallest detectable loss


def rule(kind: Kind, baseline: str, candidate: Scored, other: Scored, gate: Gate) -> Rule:
    """gate.primary against a baseline on the same rows; the figure is the gain, below 0 where it is worse."""
    gain = estimate_gain(gate.primary, candidate, other, gate, gate.confidence)
    mark = outcome(gain, gate.tolerance)
    detectable = smallest_detectable_loss(gain, gate.tolerance, gate.confidence)
    note = f"{len(candidate):,} rows show a loss of {detectable:.2g} or more 4 times in 5"
    measured = abs(gain.value) > gate.tolerance and not gain.lower <= 0 <= gain.upper
    effect = f"{_direction(gain)} than {baseline}" if measured else f"no measurable change against {baseline}"
    sentence = {
        "pass": f"{effect}; {note}",
        "fail": f"worse than {baseline} by more than the {gate.tolerance:g} allowed",
        "warn": f"{effect}, {'perhaps' if measured else 'but it may be worse'} by more than {gate.tolerance:g}: {note}",
        "note": f"undefined on the {len(candidate):,} rows that both models can be judged on",
    }[mark]
    # Without the metric that decides, a person has to look.
    verdict: Mark = "warn" if mark == "note" else mark
    figures = gain.value, gain.lower, gain.upper, -gate.tolerance
    return Rule(kind, verdict, sentence, *figures, Subject(gate.primary), baseline)


def _direction(gain: Estimate) -> str:
    return "better" if gain.value > 0 else "worse"


def estimate_gain(metric: str, candidate: Scored, other: Scored, gate: Gate, confidence: float) -> Estimate:
    """Candidate minus the other on the same rows, turned so that positive is better; NaN where undefined."""
    estimate = estimate_change(metric, candidate, other, gate, confidence)
    return estimate if higher_is_better(metric) else Estimate(-estimate.value, -estimate.upper, -estimate.lower)


def estimate_change(metric: str, candidate: Scored, other: Scored, gate: Gate, confidence: float) -> Estimate:
    """Candidate minus the other on the same rows, with its paired interval."""
    return bootstrap.paired(
        candidate.task,
        metric,
        candidate.target,
        candidate.score,
        other.score,
        gate.bootstrap,
        confidence,
        gate.seed,
        candidate_threshold=candidate.threshold,
        champion_threshold=other.threshold,
        quantile=candidate.quantile,
        bins=candidate.bins,
    )


def outcome(gain: Estimate, tolerance: float) -> Mark:
    """`pass`: at most the tolerated loss; `fail`: certainly more; `warn`: too few rows to tell; `note`: undefined."""
    if math.isnan(gain.lower) or math.isnan(gain.upper):
        return "note"
    return "pass" if gain.lower >= -tolerance else "fail" if gain.upper < -tolerance else "warn"


def smallest_detectable_loss(gain: Estimate, tolerance: float, confidence: float) -> float:
    """The true loss that fails with a chance of 80 %: tolerance + (z(1-a/2) + z(0.8)) standard errors."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    standard_error = (gain.upper - gain.lower) / (2 * z)
    return tolerance + (z + NormalDist().inv_cdf(POWER)) * standard_error


def metrics(candidate: Scored, pair: tuple[Scored, Scored] | None, gate: Gate) -> tuple[Change, ...]:
    """Every metric of the task, for information: beside the champion's on the same rows where there is a pair."""
    names = list(METRICS[candidate.task])
    if pair is None:
        return tuple(Change(name, value) for name, value in _values(candidate, names).items())
    candidate, champion = pair
    values, champion_values = _values(candidate, names), _values(champion, names)
    if candidate is champion:
        return tuple(Change(name, value, value, 0.0, 0.0, 0.0) for name, value in values.items())
    changes = {name: estimate_change(name, candidate, champion, gate, gate.confidence) for name in names}
    return tuple(
        Change(name, values[name], champion_values[name], changes[name].value, changes[name].lower, changes[name].upper)
        for name in names
    )


def _values(scored: Scored, names: list[str]) -> dict[str, float]:
    weights = np.ones((1, len(scored)), np.uint8)
    values = compute(
        scored.task,
        names,
        scored.target,
        scored.score,
        weights,
        threshold=scored.threshold,
        quantile=scored.quantile,
        bins=scored.bins,
    )
    return {name: float(value[0]) for name, value in values.items()}
