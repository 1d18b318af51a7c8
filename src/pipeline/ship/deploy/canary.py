"""Judges the canary: compares what both sides did with the bounds, and gives a verdict with its reasons."""

import math
from dataclasses import dataclass
from typing import Literal

from pipeline.core.params import Deploy
from pipeline.ship.deploy import e_values, proof
from pipeline.ship.deploy.evidence import Pairs, Side
from pipeline.ship.deploy.proof import Proof

UNLOGGED = 20  # requests of which none is in the log, from which on something is wrong with it


@dataclass(frozen=True)
class Expected:
    """What the gate measured on the test rows: agreement, and the change of the mean score; None: not measured."""

    agreement: float | None = None
    shift: float | None = None


@dataclass(frozen=True)
class Finding:
    """The result of one comparison: proven bad, not to be judged yet, suspicious (not proven), good, or not judged."""

    state: Literal["bad", "missing", "unclear", "good", "note"]
    sentence: str


@dataclass(frozen=True)
class Verdict:
    decision: Literal["hold", "promote", "roll back"]
    reasons: tuple[str, ...]


def judge(
    champion: Side, candidate: Side, pairs: Pairs, evidence: Proof, expected: Expected, bounds: Deploy, seconds: float
) -> Verdict:
    """Judge a step that has lasted `seconds` so far.

    Proven harm rolls back at once. Suspicion holds until the deadline and then counts no more, so that two equal
    services are not told apart by chance. Too little to judge by holds until the deadline, and then rolls back.
    """
    findings = compare(champion, candidate, pairs, evidence, expected, bounds)
    if bad := _sentences(findings, "bad"):
        return Verdict("roll back", bad)
    missing, unclear = _sentences(findings, "missing"), _sentences(findings, "unclear")
    if candidate.requests < bounds.min_requests:
        missing = (f"{candidate.requests} of {bounds.min_requests} requests", *missing)
    is_late = seconds >= bounds.deadline
    if missing and is_late:
        return Verdict("roll back", (f"too little to judge by within {bounds.deadline:g} s: {'; '.join(missing)}",))
    if missing or (unclear and not is_late):
        return Verdict("hold", missing + unclear)
    late = (f"nothing is proven within {bounds.deadline:g} s",) if unclear else ()
    return Verdict("promote", (*late, *(finding.sentence for finding in findings)))


def _sentences(findings: list[Finding], state: str) -> tuple[str, ...]:
    return tuple(finding.sentence for finding in findings if finding.state == state)


def compare(
    champion: Side, candidate: Side, pairs: Pairs, evidence: Proof, expected: Expected, bounds: Deploy
) -> list[Finding]:
    """Errors, refusals, latency, agreement and shift, each judged by itself."""
    proven = {name: evidence.evidence(name) > proof.needed(bounds) for name in proof.SIGNALS}
    errors, refusals = (candidate.errors, champion.errors), (candidate.refused, champion.refused)
    return [
        _compare_share("failed", errors, candidate, champion, bounds, proven["errors"]),
        _compare_share("refused", refusals, candidate, champion, bounds, proven["refusals"]),
        _compare_latency(champion, candidate, bounds, proven["latency"]),
        compare_agreement(pairs, expected, bounds),
        _compare_shift(champion, candidate, expected, bounds, proven["shift"]),
    ]


def compare_agreement(pairs: Pairs, expected: Expected, bounds: Deploy) -> Finding:
    """The agreement on replayed rows against the gate's, and against a floor that holds whatever was measured."""
    name = "correlation" if pairs.is_correlation else "agreement"
    if not pairs.count:
        return Finding("note", "no row was replayed: agreement is not judged")
    sentence = f"{name} with the champion {pairs.agreement:.3f} on {pairs.count} rows"
    bound, reason = agreement_bound(expected, bounds)
    evidence = agreement_evidence(pairs, bound)
    sentence += f", bound {bound:.3f} ({reason})"
    return _finding(evidence > proof.needed(bounds), pairs.agreement < bound, sentence)


def agreement_evidence(pairs: Pairs, bound: float) -> float:
    """The logarithm of the evidence against "they agree at least as much as the bound"."""
    if pairs.is_correlation:
        return e_values.correlation(pairs.agreement, pairs.count, bound)
    return proof.agreement(pairs.equal, pairs.count, bound)


def agreement_bound(expected: Expected, bounds: Deploy) -> tuple[float, str]:
    """The lowest agreement that passes, and where it comes from: a low measured one can't lower the floor."""
    if expected.agreement is None:
        return bounds.min_agreement, "deploy.min_agreement; the gate measured none"
    measured = f"the gate measured {expected.agreement:.3f}"
    relative = expected.agreement - bounds.max_agreement_loss
    if relative < bounds.min_agreement:
        return bounds.min_agreement, f"deploy.min_agreement; {measured}"
    return relative, measured


def _compare_share(
    name: str, hits: tuple[int, int], candidate: Side, champion: Side, bounds: Deploy, proven: bool
) -> Finding:
    share, champion_share = hits[0] / max(candidate.requests, 1), hits[1] / max(champion.requests, 1)
    sentence = f"{name} {share:.1%} of {candidate.requests} requests"
    sentence += f" (champion {champion_share:.1%} of {champion.requests})"
    return _finding(proven, share - champion_share > bounds.max_error_difference, sentence)


def _compare_latency(champion: Side, candidate: Side, bounds: Deploy, proven: bool) -> Finding:
    own, baseline = candidate.latencies, champion.latencies
    if not own.total or not baseline.total:
        return Finding("note", "latency: nothing to compare")
    champion_p99, p99 = (side.ranked(math.ceil((1 - proof.TAIL) * side.total)) for side in (baseline, own))
    bound = max(bounds.max_latency_ratio * champion_p99, bounds.latency_floor)
    return _finding(proven, p99 > bound, f"p99 {p99:.3g} ms (champion {champion_p99:.3g} ms, bound {bound:.3g} ms)")


def _compare_shift(champion: Side, candidate: Side, expected: Expected, bounds: Deploy, proven: bool) -> Finding:
    baseline, own = champion.scores, candidate.scores
    for name, side in (("champion", champion), ("candidate", candidate)):
        if side.requests >= UNLOGGED and not side.scores.count and expected.shift is not None:
            return Finding("missing", f"the {name}'s predictions are not in its log (a full disk?): nothing to judge")
    if min(baseline.count, own.count) < 2 or not baseline.variance:
        return Finding("note", "shift of the scores: nothing to compare")
    shift = own.mean - baseline.mean
    sentence = f"mean score {shift:+.4g} against the champion's"
    if expected.shift is None:
        return Finding("note", f"{sentence} (not judged: the gate measured none)")
    bound = bounds.max_shift * math.sqrt(baseline.variance)
    sentence += f", the gate measured {expected.shift:+.4g}, bound ±{bound:.3g} around it"
    return _finding(proven, abs(shift - expected.shift) > bound, sentence)


def _finding(proven: bool, suspicious: bool, sentence: str) -> Finding:
    return Finding("bad" if proven else "unclear" if suspicious else "good", sentence)
