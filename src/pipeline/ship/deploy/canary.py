"""Judges the canary: compares what both sides did with the bounds, and gives a verdict with its reasons."""

import math
from dataclasses import dataclass
from typing import Literal

from pipeline.core.params import Deploy
from pipeline.ship.deploy import intervals
from pipeline.ship.deploy.evidence import Pairs, Side

MIN_COUNT = 20  # with fewer requests or rows nothing counts as proven
TAIL = 0.99


@dataclass(frozen=True)
class Expected:
    """What the gate measured on the test rows: agreement, and the change of the mean score; None: not measured."""

    agreement: float | None = None
    shift: float | None = None


@dataclass(frozen=True)
class Finding:
    """The result of one comparison: proven bad, unclear (suspicious, not proven), good, or not judged."""

    state: Literal["bad", "unclear", "good", "note"]
    sentence: str


@dataclass(frozen=True)
class Verdict:
    decision: Literal["hold", "promote", "roll back"]
    reasons: tuple[str, ...]


def judge(champion: Side, candidate: Side, pairs: Pairs, expected: Expected, bounds: Deploy, seconds: float) -> Verdict:
    """Judge a step that has lasted `seconds` so far.

    Proven harm rolls back at once; suspicion and too few requests hold until the deadline, then roll back.
    """
    findings = compare(champion, candidate, pairs, expected, bounds)
    if bad := [finding.sentence for finding in findings if finding.state == "bad"]:
        return Verdict("roll back", tuple(bad))
    waiting = [finding.sentence for finding in findings if finding.state == "unclear"]
    if candidate.requests < bounds.min_requests:
        waiting.insert(0, f"{candidate.requests} of {bounds.min_requests} requests")
    if not waiting:
        return Verdict("promote", tuple(finding.sentence for finding in findings))
    if seconds >= bounds.deadline:
        return Verdict("roll back", (f"no clear result within {bounds.deadline:g} s: {'; '.join(waiting)}",))
    return Verdict("hold", tuple(waiting))


def compare(champion: Side, candidate: Side, pairs: Pairs, expected: Expected, bounds: Deploy) -> list[Finding]:
    """Errors, refusals, latency, agreement and shift, each judged by itself."""
    z = intervals.quantile(bounds.confidence)
    return [
        _compare_share("failed", candidate.errors, champion.errors, candidate, champion, bounds, z),
        _compare_share("refused", candidate.refused, champion.refused, candidate, champion, bounds, z),
        _compare_latency(champion, candidate, bounds, z),
        compare_agreement(pairs, expected, bounds),
        _compare_shift(champion, candidate, expected, bounds, z),
    ]


def compare_agreement(pairs: Pairs, expected: Expected, bounds: Deploy) -> Finding:
    """The agreement on replayed rows against the gate's, and against a floor that holds whatever was measured."""
    name = "correlation" if pairs.is_correlation else "agreement"
    if not pairs.count:
        return Finding("note", "no row was replayed: agreement is not judged")
    sentence = f"{name} with the champion {pairs.agreement:.3f} on {pairs.count} rows"
    bound, reason = _agreement_bound(expected, bounds)
    z = intervals.quantile(bounds.confidence)
    if pairs.is_correlation:
        _, upper = intervals.correlation(pairs.agreement, pairs.count, z)
    else:
        _, upper = intervals.wilson(pairs.agreement * pairs.count, pairs.count, z)
    sentence += f", bound {bound:.3f} ({reason})"
    return _finding(upper < bound and pairs.count >= MIN_COUNT, pairs.agreement < bound, sentence)


def _agreement_bound(expected: Expected, bounds: Deploy) -> tuple[float, str]:
    """The lowest agreement that passes, and where it comes from: a low measured one can't lower the floor."""
    if expected.agreement is None:
        return bounds.min_agreement, "deploy.min_agreement; the gate measured none"
    measured = f"the gate measured {expected.agreement:.3f}"
    relative = expected.agreement - bounds.max_agreement_loss
    if relative < bounds.min_agreement:
        return bounds.min_agreement, f"deploy.min_agreement; {measured}"
    return relative, measured


def _compare_share(
    name: str, hits: int, champion_hits: int, candidate: Side, champion: Side, bounds: Deploy, z: float
) -> Finding:
    share = hits / candidate.requests if candidate.requests else 0.0
    champion_share = champion_hits / champion.requests if champion.requests else 0.0
    lower = intervals.difference_lower_limit(hits, candidate.requests, champion_hits, champion.requests, z)
    sentence = f"{name} {share:.1%} of {candidate.requests} requests"
    sentence += f" (champion {champion_share:.1%} of {champion.requests})"
    bad = lower > bounds.max_error_difference and candidate.requests >= MIN_COUNT
    return _finding(bad, share - champion_share > bounds.max_error_difference, sentence)


def _compare_latency(champion: Side, candidate: Side, bounds: Deploy, z: float) -> Finding:
    own, baseline = candidate.latencies, champion.latencies
    if not own.total or not baseline.total:
        return Finding("note", "latency: nothing to compare")
    champion_p99, p99 = (side.ranked(math.ceil(TAIL * side.total)) for side in (baseline, own))
    bound = max(bounds.max_latency_ratio * champion_p99, bounds.latency_floor)
    rank = intervals.quantile_rank(own.total, TAIL, z)
    bad = min(own.total, baseline.total) >= MIN_COUNT and rank > 0 and own.ranked(rank) > bound
    return _finding(bad, p99 > bound, f"p99 {p99:.3g} ms (champion {champion_p99:.3g} ms, bound {bound:.3g} ms)")


def _compare_shift(champion: Side, candidate: Side, expected: Expected, bounds: Deploy, z: float) -> Finding:
    baseline, own = champion.scores, candidate.scores
    for name, side in (("champion", champion), ("candidate", candidate)):
        if side.requests >= MIN_COUNT and not side.scores.count and expected.shift is not None:
            return Finding("unclear", f"the {name}'s predictions are not in its log (a full disk?): nothing to judge")
    if min(baseline.count, own.count) < 2 or not baseline.variance:
        return Finding("note", "shift of the scores: nothing to compare")
    deviation = math.sqrt(baseline.variance)
    shift = own.mean - baseline.mean
    error = math.sqrt(own.variance / own.count + baseline.variance / baseline.count)
    sentence = f"mean score {shift:+.4g} against the champion's"
    if expected.shift is None:
        return Finding("note", f"{sentence} (not judged: the gate measured none)")
    distance, bound = abs(shift - expected.shift), bounds.max_shift * deviation
    sentence += f", the gate measured {expected.shift:+.4g}, bound ±{bound:.3g} around it"
    bad = distance - z * error > bound and min(baseline.count, own.count) >= MIN_COUNT
    return _finding(bad, distance > bound, sentence)


def _finding(bad: bool, suspicious: bool, sentence: str) -> Finding:
    return Finding("bad" if bad else "unclear" if suspicious else "good", sentence)
