"""The judge of the canary: what both sides did, against the bounds, is a verdict with its reasons."""

import math
from dataclasses import dataclass
from typing import Literal

from pipeline.core.params import Deploy
from pipeline.ship.deploy import intervals
from pipeline.ship.deploy.evidence import Pairs, Side

FEWEST = 20  # requests or rows below which nothing sends a candidate back
TAIL = 0.99


@dataclass(frozen=True)
class Expected:
    """What the gate measured on the test rows: agreement, and the change of the mean score; None: nothing."""

    agreement: float | None = None
    shift: float | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: proven bad, unclear (suspicious, not proven), good, or not judged."""

    state: Literal["bad", "unclear", "good", "note"]
    sentence: str


@dataclass(frozen=True)
class Verdict:
    decision: Literal["hold", "go on", "go back"]
    reasons: tuple[str, ...]


def judge(champion: Side, candidate: Side, pairs: Pairs, expected: Expected, bounds: Deploy, seconds: float) -> Verdict:
    """One look at a step that has lasted so many seconds.

    Proven harm goes back at once; suspicion and too few requests hold until the deadline, then go back.
    """
    findings = found(champion, candidate, pairs, expected, bounds)
    if bad := [finding.sentence for finding in findings if finding.state == "bad"]:
        return Verdict("go back", tuple(bad))
    waiting = [finding.sentence for finding in findings if finding.state == "unclear"]
    if candidate.requests < bounds.min_requests:
        waiting.insert(0, f"{candidate.requests} of {bounds.min_requests} requests")
    if not waiting:
        return Verdict("go on", tuple(finding.sentence for finding in findings))
    if seconds >= bounds.deadline:
        return Verdict("go back", (f"nothing clear within {bounds.deadline:g} s: {'; '.join(waiting)}",))
    return Verdict("hold", tuple(waiting))


def found(champion: Side, candidate: Side, pairs: Pairs, expected: Expected, bounds: Deploy) -> list[Finding]:
    """Errors, refusals, latency, agreement and shift, each judged by itself."""
    z = intervals.quantile(bounds.confidence)
    return [
        _share("failed", candidate.errors, champion.errors, candidate, champion, bounds, z),
        _share("refused", candidate.refused, champion.refused, candidate, champion, bounds, z),
        _latency(champion, candidate, bounds, z),
        agreement(pairs, expected, bounds),
        _shift(champion, candidate, expected, bounds, z),
    ]


def agreement(pairs: Pairs, expected: Expected, bounds: Deploy) -> Finding:
    """The agreement on replayed rows against the gate's."""
    name = "correlation" if pairs.is_correlation else "agreement"
    if not pairs.count:
        return Finding("note", "no row was replayed: agreement is not judged")
    said = f"{name} with the champion {pairs.agreement:.3f} on {pairs.count} rows"
    if expected.agreement is None:
        return Finding("note", f"{said} (not judged: the gate measured none)")
    bound = expected.agreement - bounds.max_agreement_loss
    z = intervals.quantile(bounds.confidence)
    if pairs.is_correlation:
        _, upper = intervals.correlation(pairs.agreement, pairs.count, z)
    else:
        _, upper = intervals.wilson(pairs.agreement * pairs.count, pairs.count, z)
    told = f"{said}, bound {bound:.3f} (the gate measured {expected.agreement:.3f})"
    return _stated(upper < bound and pairs.count >= FEWEST, pairs.agreement < bound, told)


def _share(what: str, hits: int, others: int, candidate: Side, champion: Side, bounds: Deploy, z: float) -> Finding:
    share = hits / candidate.requests if candidate.requests else 0.0
    other = others / champion.requests if champion.requests else 0.0
    least = intervals.least_difference(hits, candidate.requests, others, champion.requests, z)
    said = f"{what} {share:.1%} of {candidate.requests} requests (champion {other:.1%} of {champion.requests})"
    bad = least > bounds.max_error_difference and candidate.requests >= FEWEST
    return _stated(bad, share - other > bounds.max_error_difference, said)


def _latency(champion: Side, candidate: Side, bounds: Deploy, z: float) -> Finding:
    own, other = candidate.latencies, champion.latencies
    if not own.total or not other.total:
        return Finding("note", "latency: nothing to compare")
    theirs, mine = (side.ranked(math.ceil(TAIL * side.total)) for side in (other, own))
    bound = max(bounds.max_latency_ratio * theirs, bounds.latency_floor)
    rank = intervals.quantile_rank(own.total, TAIL, z)
    bad = min(own.total, other.total) >= FEWEST and rank > 0 and own.ranked(rank) > bound
    return _stated(bad, mine > bound, f"p99 {mine:.3g} ms (champion {theirs:.3g} ms, bound {bound:.3g} ms)")


def _shift(one: Side, other: Side, expected: Expected, bounds: Deploy, z: float) -> Finding:
    champion, candidate = one.scores, other.scores
    for name, side in (("champion", one), ("candidate", other)):
        if side.requests >= FEWEST and not side.scores.count and expected.shift is not None:
            return Finding("unclear", f"the {name}'s predictions are not in its log (a full disk?): nothing to judge")
    if min(champion.count, candidate.count) < 2 or not champion.variance:
        return Finding("note", "shift of the scores: nothing to compare")
    deviation = math.sqrt(champion.variance)
    shift = candidate.mean - champion.mean
    error = math.sqrt(candidate.variance / candidate.count + champion.variance / champion.count)
    said = f"mean score {shift:+.4g} against the champion's"
    if expected.shift is None:
        return Finding("note", f"{said} (not judged: the gate measured none)")
    beyond, bound = abs(shift - expected.shift), bounds.max_shift * deviation
    said += f", the gate measured {expected.shift:+.4g}, bound ±{bound:.3g} around it"
    bad = beyond - z * error > bound and min(champion.count, candidate.count) >= FEWEST
    return _stated(bad, beyond > bound, said)


def _stated(bad: bool, suspicious: bool, sentence: str) -> Finding:
    return Finding("bad" if bad else "unclear" if suspicious else "good", sentence)
