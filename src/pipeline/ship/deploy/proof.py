"""What is proven against a candidate: one e-process for each signal, fed block by block with what both sides did."""

import math
from dataclasses import dataclass, field, replace

from pipeline.core.params import Deploy
from pipeline.ship.deploy import e_values
from pipeline.ship.deploy.evidence import EDGES, Side

SIGNALS = ("errors", "refusals", "latency", "agreement", "shift")
TAIL = 0.01  # the share of requests above the p99
# A block ends when all three are reached. Both sides are compared within it, so what hits both is held against neither.
BLOCK_SECONDS, BLOCK_REQUESTS, BLOCK_CHAMPION = 2.0, 25, 5
# A block multiplies the evidence by so much at most. Slow requests come in groups (a cold start, a stall), so a block
# with many of them counts little more than one with a few.
MOST, MOST_LATENCY = math.log(20), math.log(4)
HALF_BIN = math.sqrt(EDGES[1] / EDGES[0])  # from the middle of a bin of latencies to its upper edge
EXCESSES = (0.01, 0.03, 0.1, 0.3, 0.9)  # bets: how far a share is beyond its bound
DEVIATIONS = (0.1, 0.3, 1.0)  # bets: how far the mean score is beyond its bound, in standard deviations


@dataclass(frozen=True)
class Proof:
    """The logarithms of each signal's evidence in a step, one for each bet; `past` is what the champion did before.

    `limits` is the range that scores are clipped to, `shift` the measured one; without either, shift is not judged.
    """

    bounds: Deploy
    past: Side
    limits: tuple[float, float] | None = None
    shift: float | None = None
    champion: Side = field(default_factory=Side)  # of the open block
    candidate: Side = field(default_factory=Side)
    since: float = 0.0
    logs: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def add(self, champion: Side, candidate: Side, seconds: float) -> "Proof":
        """With what both did since the last call, `seconds` after the step's start."""
        grown = replace(self, champion=self.champion + champion, candidate=self.candidate + candidate)
        lasted = seconds - self.since >= BLOCK_SECONDS
        enough = grown.candidate.requests >= BLOCK_REQUESTS and grown.champion.requests >= BLOCK_CHAMPION
        return grown._close(seconds) if lasted and enough else grown

    def evidence(self, signal: str) -> float:
        """The logarithm of the signal's e-value: how many times the bets have multiplied their stake."""
        return e_values.mixture(self.logs[signal]) if signal in self.logs else 0.0

    def _close(self, seconds: float) -> "Proof":
        factors = {
            "errors": self._shares(self.candidate.errors, self.champion.errors, self.past.errors),
            "refusals": self._shares(self.candidate.refused, self.champion.refused, self.past.refused),
            "latency": self._latency(),
            "shift": self._shift(),
        }
        logs = {name: self._multiply(name, factor) for name, factor in factors.items()}
        return replace(
            self, past=self.past + self.champion, champion=Side(), candidate=Side(), since=seconds, logs=logs
        )

    def _multiply(self, name: str, factors: tuple[float, ...]) -> tuple[float, ...]:
        before = self.logs.get(name, (0.0,) * len(factors))
        most = MOST_LATENCY if name == "latency" else MOST
        return tuple(log + min(factor, most) for log, factor in zip(before, factors, strict=True))

    def _shares(self, hits: int, champion_hits: int, past_hits: int) -> tuple[float, ...]:
        counts = (hits, self.candidate.requests, champion_hits, self.champion.requests)
        return _bets(counts, self.bounds.max_error_difference, _guess(past_hits, self.past.requests))

    def _latency(self) -> tuple[float, ...]:
        """Against "as many of the candidate's requests are above 1.5 × x as of the champion's above x, or 1 %".

        x is the champion's p99 before the block, 1.5 is `deploy.max_latency_ratio`, and the product is at least
        `deploy.latency_floor`. The histogram knows x by its bin, whose middle is multiplied.
        """
        own, other, past = self.candidate.latencies, self.champion.latencies, self.past.latencies
        if not past.total:
            return (0.0,) * len(EXCESSES)
        edge = past.ranked(math.ceil((1 - TAIL) * past.total))
        limit = max(self.bounds.max_latency_ratio * edge / HALF_BIN, self.bounds.latency_floor)
        counts = (own.above(limit), own.total, other.above(edge), other.total)
        beyond = past.above(edge)
        return _bets(counts, max(0.0, TAIL - beyond / past.total), _guess(beyond, past.total))

    def _shift(self) -> tuple[float, ...]:
        """Against "the mean score is at most as far from the champion's as it may be", in both directions."""
        past = self.past.scores
        if self.limits is None or self.shift is None or not past.variance:
            return (0.0,) * (2 * len(DEVIATIONS))
        deviation, (low, high) = math.sqrt(past.variance), self.limits
        bound = self.bounds.max_shift * deviation
        own, other = self.candidate.scores, self.champion.scores
        up = (own, other, self.shift + bound, past, (low, high))
        down = (own.mirrored, other.mirrored, bound - self.shift, past.mirrored, (-high, -low))
        return tuple(
            e_values.two_means(own, other, tolerated, excess * deviation, before, limits)
            for own, other, tolerated, before, limits in (up, down)
            for excess in DEVIATIONS
        )


def _guess(hits: int, count: int) -> float:
    """A share before anything is known of the block: that of the past, about 1 % without one."""
    return (hits + 0.5) / (count + 50)


def _bets(counts: tuple[int, int, int, int], tolerated: float, guess: float) -> tuple[float, ...]:
    """One factor for each excess that is bet on."""
    highest = (guess + tolerated + excess for excess in EXCESSES)
    return tuple(e_values.two_shares(*counts, tolerated, min(bet, 0.99), guess) for bet in highest)


def agreement(equal: int, count: int, bound: float) -> float:
    """The logarithm of the evidence against "rows agree in at least this share"."""
    bets = (min(1 - bound + excess, 0.999) for excess in EXCESSES)
    return e_values.mixture(tuple(e_values.one_share(count - equal, count, 1 - bound, bet) for bet in bets))


def needed(bounds: Deploy) -> float:
    """The logarithm of the evidence that is proof: the error rate is split over signals and steps (shadow is one)."""
    steps = len(bounds.steps) + (bounds.shadow_seconds > 0)
    return math.log(len(SIGNALS) * steps / (1 - bounds.confidence))
