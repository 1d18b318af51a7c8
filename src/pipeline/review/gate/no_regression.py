"""No regression: a paired bootstrap of candidate minus champion, so that only their difference is judged."""

import math
from statistics import NormalDist

from pipeline.core.params import Gate
from pipeline.core.tasks import higher_is_better, metrics_of
from pipeline.evaluation import bootstrap
from pipeline.evaluation.bootstrap import Estimate
from pipeline.evaluation.point import figures
from pipeline.evaluation.rare_classes import too_rare
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.seed_spread import ENOUGH, SeedSpread
from pipeline.evaluation.tolerance import Allowed, allowed, constant
from pipeline.review.gate.verdict import Change, Kind, Mark, Rule, Subject

POWER = 0.8  # at the smallest detectable loss


def rule(kind: Kind, baseline: str, candidate: Scored, other: Scored, gate: Gate) -> Rule:
    """gate.primary against a baseline on the same rows; the figure is the gain, below 0 where it is worse."""
    metric = gate.primary
    if reason := too_rare(candidate, metric):
        return Rule(kind, "warn", f"not judged: {reason}", subject=Subject(metric), baseline=baseline)
    gain = estimate_gain(metric, candidate, other, gate, gate.confidence)
    tolerated = allowed(gate.tolerance, metric, other, constant(other, metric), baseline)
    mark = outcome(gain, tolerated.value)
    # Without the metric that decides, a person has to look.
    verdict: Mark = "warn" if mark == "note" else mark
    sentence = _sentence(mark, gain, baseline, tolerated, len(candidate), gate.confidence)
    return Rule(
        kind, verdict, sentence, gain.value, gain.lower, gain.upper, -tolerated.value, Subject(metric), baseline
    )


def _sentence(mark: Mark, gain: Estimate, baseline: str, tolerated: Allowed, rows: int, confidence: float) -> str:
    detectable = smallest_detectable_loss(gain, tolerated.value, confidence)
    power = f"{rows:,} rows would detect a true loss of {detectable:.2g} in {100 * POWER:g} % of the cases"
    match mark:
        case "pass":
            within = "" if abs(gain.value) > tolerated.value else f", within the tolerance of {tolerated}"
            return f"{_effect(gain, baseline, within)}; {power}"
        case "warn":
            doubt = "perhaps" if gain.upper < 0 else "but it may be worse"
            return f"{_effect(gain, baseline)}, {doubt} by more than the {tolerated} allowed; {power}"
        case "fail":
            return f"worse than {baseline} by more than the {tolerated} allowed"
        case _:
            problem = "undefined on" if math.isnan(gain.value) else "too few to tell:"
            return f"{problem} the {rows:,} rows that both models can be judged on"


def _effect(gain: Estimate, baseline: str, within: str = "") -> str:
    """What the interval shows; nothing where it includes 0."""
    if gain.lower <= 0 <= gain.upper:
        return f"no measurable change against {baseline}"
    return f"{'better' if gain.value > 0 else 'worse'} than {baseline}{within}"


def tolerance_rule(other: Scored, baseline: str, gate: Gate, spread: SeedSpread) -> Rule:
    """The tolerance against what another seed changes: a smaller one fails models that are no worse."""
    tolerated = allowed(gate.tolerance, gate.primary, other, constant(other, gate.primary), baseline)
    enough, compared = spread.compared(tolerated.value)
    doubt = "" if enough else f", fewer than {ENOUGH}: another seed alone may fail"
    sentence = f"gate.tolerance allows {tolerated}: {compared}{doubt}"
    bound = ENOUGH * spread.standard_deviation
    return Rule("tolerance", "pass" if enough else "warn", sentence, tolerated.value, bound=bound)


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
    names = metrics_of(candidate.task, candidate.deviance)
    if pair is None:
        return tuple(Change(name, value) for name, value in figures(candidate, names).items())
    candidate, champion = pair
    values, champion_values = figures(candidate, names), figures(champion, names)
    if candidate is champion:
        return tuple(Change(name, value, value, 0.0, 0.0, 0.0) for name, value in values.items())
    changes = {name: estimate_change(name, candidate, champion, gate, gate.confidence) for name in names}
    return tuple(
        Change(name, values[name], champion_values[name], changes[name].value, changes[name].lower, changes[name].upper)
        for name in names
    )
