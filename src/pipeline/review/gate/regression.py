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

POWER = 0.8  # of the smallest loss that the rows can show


def rule(kind: Kind, baseline: str, candidate: Scored, other: Scored, gate: Gate) -> Rule:
    """gate.primary against a baseline on the same rows; the figure is the gain, below 0 where it is worse."""
    gain = gained(gate.primary, candidate, other, gate, gate.confidence)
    mark = outcome(gain, gate.tolerance)
    visible = smallest_visible_loss(gain, gate.tolerance, gate.confidence)
    shows = f"{len(candidate):,} rows show a loss from {visible:.2g} on, 4 times in 5"
    measured = abs(gain.value) > gate.tolerance and not gain.lower <= 0 <= gain.upper
    found = f"{_word(gain)} than {baseline}" if measured else f"no measurable change against {baseline}"
    sentence = {
        "pass": f"{found}; {shows}",
        "fail": f"worse than {baseline} by more than the {gate.tolerance:g} allowed",
        "warn": f"{found}, {'perhaps' if measured else 'but it may be worse'} by more than {gate.tolerance:g}: {shows}",
        "note": f"undefined on the {len(candidate):,} rows that both models can be judged on",
    }[mark]
    # The metric that decides could not: somebody has to look.
    shown: Mark = "warn" if mark == "note" else mark
    figures = gain.value, gain.lower, gain.upper, -gate.tolerance
    return Rule(kind, shown, sentence, *figures, Subject(gate.primary), baseline)


def _word(gain: Estimate) -> str:
    return "better" if gain.value > 0 else "worse"


def gained(metric: str, candidate: Scored, other: Scored, gate: Gate, confidence: float) -> Estimate:
    """Candidate minus the other on the same rows, turned so that positive is better; NaN where undefined."""
    found = change(metric, candidate, other, gate, confidence)
    return found if higher_is_better(metric) else Estimate(-found.value, -found.upper, -found.lower)


def change(metric: str, candidate: Scored, other: Scored, gate: Gate, confidence: float) -> Estimate:
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
    """`pass`: at most the tolerated loss; `fail`: surely more; `warn`: these rows can't tell; `note`: undefined."""
    if math.isnan(gain.lower) or math.isnan(gain.upper):
        return "note"
    return "pass" if gain.lower >= -tolerance else "fail" if gain.upper < -tolerance else "warn"


def smallest_visible_loss(gain: Estimate, tolerance: float, confidence: float) -> float:
    """The true loss that fails with a chance of 80 %: tolerance + (z(1-a/2) + z(0.8)) standard errors."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    error = (gain.upper - gain.lower) / (2 * z)
    return tolerance + (z + NormalDist().inv_cdf(POWER)) * error


def metrics(candidate: Scored, pair: tuple[Scored, Scored] | None, gate: Gate) -> tuple[Change, ...]:
    """Every metric of the task, for information: beside the champion's on the same rows where there is a pair."""
    names = list(METRICS[candidate.task])
    if pair is None:
        return tuple(Change(name, value) for name, value in _values(candidate, names).items())
    ours, others = pair
    mine, theirs = _values(ours, names), _values(others, names)
    if ours is others:
        return tuple(Change(name, value, value, 0.0, 0.0, 0.0) for name, value in mine.items())
    found = {name: change(name, ours, others, gate, gate.confidence) for name in names}
    return tuple(
        Change(name, mine[name], theirs[name], found[name].value, found[name].lower, found[name].upper)
        for name in names
    )


def _values(scored: Scored, names: list[str]) -> dict[str, float]:
    once = np.ones((1, len(scored)), np.uint8)
    found = compute(
        scored.task,
        names,
        scored.target,
        scored.score,
        once,
        threshold=scored.threshold,
        quantile=scored.quantile,
        bins=scored.bins,
    )
    return {name: float(values[0]) for name, values in found.items()}
