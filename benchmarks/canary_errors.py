"""How often the canary sends an equal service back, and how soon it finds one that is worse, in simulated traffic.

`make bench` prints the tables. The shipped judge is asked every five seconds of a simulated deployment. Its traffic
is not independent: latency drifts for both services (AR(1), by second), bursts slow both down threefold and make
both fail, each service stalls for itself now and then, and the candidate's first requests are cold.
"""

import itertools
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.core import params
from pipeline.core.params import Deploy
from pipeline.ship.deploy import proof, shadow
from pipeline.ship.deploy.canary import Expected, compare, judge
from pipeline.ship.deploy.evidence import EDGES, Latencies, Moments, Pairs, Side
from pipeline.ship.deploy.proof import Proof
from pipeline.ship.deploy.rollout import MOST_TRAFFIC
from pipeline.ship.deploy.steps import POLL_INTERVAL

Array = npt.NDArray[np.float64]
DEPLOYMENTS = int(os.environ.get("DEPLOYMENTS", "10000"))
TRIALS = int(os.environ.get("TRIALS", "200"))  # of each effect
RATES = (20, 500)  # requests a second: the slowest and the fastest service; most are in between
COLD, SLOWER = (10, 20), 3.0  # first requests of the candidate, and how much slower they are
BURST_SECONDS = (5, 30)  # both services: three times slower, and 5 % of the requests fail
STALL_SECONDS, STALL_MS = 0.5, 300.0  # each service for itself
ROUGH_SHARE = 0.5  # of the deployments
ROUGH, CALM = (120, 60), (600, 300)  # seconds between two bursts, and between two stalls
REQUESTS = (200, 1_000, 5_000)
BOUNDS = params.section(Deploy, Path(__file__).parents[1] / params.PATH)
SHADOW = BOUNDS.model_copy(update={"shadow": "10 min"})


@dataclass(frozen=True)
class Effect:
    """What the candidate does worse: failed requests, times slower, standard deviations of the score."""

    errors: float = 0.0
    slower: float = 1.0
    shift: float = 0.0


class Traffic:
    """The requests of champion and candidate, second by second; `rate` requests a second."""

    def __init__(self, rate: float, effect: Effect, rough: bool, rng: np.random.Generator) -> None:
        self._burst_every, self._stall_every = ROUGH if rough else CALM
        self._rate, self._effect, self._rng = rate, effect, rng
        self._level, self._burst = 0.0, 0
        self._cold = int(rng.choice(COLD))
        self._errors = float(rng.choice([0.0, 0.002, 0.02]))

    def looks(self, count: int, look: int, percent: float, rate: float | None = None) -> Iterator[tuple[Side, Side]]:
        """What both did in each of so many looks of `look` seconds; `rate`: of other requests than the clients'."""
        seconds = count * look
        drift, burst = self._weather(seconds)
        rng, second = self._rng, np.repeat(np.arange(seconds), self._rng.poisson(rate or self._rate, seconds))
        own = rng.random(len(second)) < percent / 100
        milliseconds = 10 * np.exp(drift[second] + 0.5 * rng.standard_normal(len(second)))
        milliseconds *= np.where(burst[second], SLOWER, 1.0) * np.where(own, self._effect.slower, 1.0)
        milliseconds += self._stalls(second, own, seconds)
        cold = np.flatnonzero(own)[: self._cold]
        milliseconds[cold] *= SLOWER
        self._cold -= len(cold)
        failed = rng.random(len(second)) < self._errors + 0.05 * burst[second] + self._effect.errors * own
        refused = ~failed & (rng.random(len(second)) < 0.02)
        scores = np.clip(rng.beta(1, 3, len(second)) + 0.1 * drift[second] + 0.194 * self._effect.shift * own, 0, 1)
        group = second // look * 2 + own
        sides = _sides(group, 2 * count, milliseconds, failed, refused, scores)
        return zip(sides[::2], sides[1::2], strict=True)

    def _weather(self, seconds: int) -> tuple[Array, npt.NDArray[np.bool_]]:
        """The drift of the logarithm of both latencies, and whether there is a burst, by second."""
        drift, burst = np.empty(seconds), np.zeros(seconds, dtype=bool)
        noise, starts = self._rng.normal(0, 0.1, seconds), self._rng.random(seconds) < 1 / self._burst_every
        for second in range(seconds):
            self._level = 0.95 * self._level + noise[second]
            self._burst = int(self._rng.integers(*BURST_SECONDS)) if starts[second] else max(self._burst - 1, 0)
            drift[second], burst[second] = self._level, self._burst > 0
        return drift, burst

    def _stalls(self, second: npt.NDArray[np.int64], own: npt.NDArray[np.bool_], seconds: int) -> Array:
        """Milliseconds that requests wait because their service stands still for a part of a second."""
        stalled = self._rng.random((2, seconds)) < 1 / self._stall_every
        hit = stalled[own.astype(int), second] & (self._rng.random(len(second)) < STALL_SECONDS)
        return np.where(hit, STALL_MS, 0.0)


def _sides(
    group: npt.NDArray[np.int64],
    groups: int,
    milliseconds: Array,
    failed: npt.NDArray[np.bool_],
    refused: npt.NDArray[np.bool_],
    scores: Array,
) -> list[Side]:
    """The requests of each group (a look of a side) as a Side."""

    def count(chosen: npt.NDArray[np.bool_] | None = None, weights: Array | None = None) -> list[float]:
        selected = group if chosen is None else group[chosen]
        given = weights if weights is None or chosen is None else weights[chosen]
        result: list[float] = np.bincount(selected, given, groups).tolist()
        return result

    good, width = ~failed & ~refused, len(EDGES) + 1
    bins = group * width + np.searchsorted(EDGES, milliseconds)
    latencies = np.bincount(bins[~failed], minlength=groups * width).reshape(groups, width).tolist()
    moments = zip(count(good), count(good, scores), count(good, scores**2), strict=True)
    return [
        Side(int(total), int(errors), int(refusals), Latencies(tuple(times)), Moments(int(known), *sums))
        for total, errors, refusals, times, (known, *sums) in zip(
            count(), count(failed), count(refused), latencies, moments, strict=True
        )
    ]


def deploy(bounds: Deploy, seed: int) -> str:
    """The first word of why two equal services are told apart at some step; empty where the candidate is promoted."""
    rng = np.random.default_rng(seed)
    rate = float(np.exp(rng.uniform(*np.log(RATES))))
    traffic = Traffic(rate, Effect(), bool(rng.random() < ROUGH_SHARE), rng)
    champion = sum((side for side, _ in traffic.looks(1, 30, 0)), Side())
    if reason := _shadow(traffic, rate, bounds):
        return f"shadow: {reason}"
    for percent in bounds.steps:
        own, evidence = Side(), Proof(bounds, champion, (0.0, 1.0), 0.0)
        for seconds, champion_side, candidate_side in _step(traffic, rate, percent, bounds.min_requests):
            champion, own = champion + champion_side, own + candidate_side
            evidence = evidence.add(champion_side, candidate_side, seconds)
            verdict = judge(champion, own, Pairs(1000, 1000), evidence, Expected(1.0, 0.0), bounds, seconds)
            if verdict.decision == "promote":
                break
            if verdict.decision == "roll back":
                return "deadline" if seconds >= bounds.deadline else verdict.reasons[0].split()[0]
    return ""


def _shadow(traffic: Traffic, rate: float, bounds: Deploy) -> str:
    """The first word of why the shadow step tells two equal services apart; empty where it does not."""
    look, asked = int(proof.BLOCK_SECONDS), min(rate, shadow.MOST_ROWS / POLL_INTERVAL)
    share, both = 100 / (1 + 1 / shadow.CHAMPION_EVERY), asked * (1 + 1 / shadow.CHAMPION_EVERY)
    champion, own, evidence = Side(), Side(), Proof(bounds, Side())
    sides = traffic.looks(bounds.shadow_seconds // look, look, share, both) if bounds.shadow_seconds else iter(())
    for place, (champion_side, candidate_side) in enumerate(sides, 1):
        champion, own = champion + champion_side, own + candidate_side
        evidence = evidence.add(champion_side, candidate_side, place * look)
        findings = compare(champion, own, Pairs(1000, 1000), evidence, Expected(1.0), bounds)
        if bad := [finding.sentence for finding in findings if finding.state == "bad"]:
            return bad[0].split()[0]
    return ""


def _step(traffic: Traffic, rate: float, percent: int, requests: int) -> Iterator[tuple[int, Side, Side]]:
    """The looks of a step without an end: seconds since its start, and what both did. A block takes two or three."""
    share = min(percent, MOST_TRAFFIC)
    own_rate = rate * share / 100
    look = max(int(proof.BLOCK_SECONDS), round(proof.BLOCK_REQUESTS / 2 / own_rate))
    chunks = (traffic.looks(1 + int(requests / own_rate / look), look, share) for _ in itertools.count())
    for place, sides in enumerate(itertools.chain.from_iterable(chunks), 1):
        yield place * look, *sides


def found(bounds: Deploy, effect: Effect, signal: str, seed: int) -> list[bool]:
    """Whether the signal is proven while the candidate answers so many requests of the first step."""
    rng, rate, requests = np.random.default_rng(seed), 100.0, 0
    traffic = Traffic(rate, effect, False, rng)
    champion = sum((side for side, _ in traffic.looks(1, 30, 0)), Side())
    evidence = Proof(bounds, champion, (0.0, 1.0), 0.0)
    for seconds, champion_side, candidate_side in _step(traffic, rate, bounds.steps[0], REQUESTS[-1]):
        evidence = evidence.add(champion_side, candidate_side, seconds)
        requests += candidate_side.requests
        if requests > REQUESTS[-1] or evidence.evidence(signal) > proof.needed(bounds):
            return [requests <= count for count in REQUESTS]
    raise AssertionError("a step has no end")


def found_disagreement(bounds: Deploy, agreement: float, seed: int) -> list[bool]:
    """The same for rows that agree in this share, where the bound is 0.9."""
    equal = np.cumsum(np.random.default_rng(seed).random(REQUESTS[-1]) < agreement)
    looks = range(5, len(equal) + 1, 5)
    proven = (rows for rows in looks if proof.agreement(int(equal[rows - 1]), rows, 0.9) > proof.needed(bounds))
    first = next(proven, math.inf)
    return [first <= count for count in REQUESTS]


def main() -> None:
    """Print how often equal services are sent back, by signal, and the share of worse ones that is found."""
    with ProcessPoolExecutor(mp_context=get_context("forkserver")) as pool:
        print(f"| equal services | sent back | by |\n{'| --- ' * 3}|")
        for name, bounds in {"": BOUNDS, f", shadow of {SHADOW.shadow}": SHADOW}.items():
            reasons = Counter(pool.map(partial(deploy, bounds), range(DEPLOYMENTS), chunksize=20))
            back = DEPLOYMENTS - reasons.pop("", 0)
            by = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common()) or "none"
            print(f"| {DEPLOYMENTS:,}{name} | {back} ({back / DEPLOYMENTS:.2%}) | {by} |", flush=True)
        print()
        head = " | ".join(f"{count:,} requests" for count in REQUESTS)
        print(f"| worse by | {head} |\n{'| --- ' * (1 + len(REQUESTS))}|")
        for name, trial in _effects().items():
            shares = np.mean(list(pool.map(trial, range(TRIALS), chunksize=20)), axis=0)
            print(f"| {name} | {' | '.join(f'{share:.0%}' for share in shares)} |", flush=True)


def _effects() -> dict[str, Callable[[int], list[bool]]]:
    trials: dict[str, Callable[[int], list[bool]]] = {
        f"errors +{share:.0%}": partial(found, BOUNDS, Effect(errors=share), "errors") for share in (0.02, 0.05, 0.1)
    }
    trials |= {f"latency {times} ×": partial(found, BOUNDS, Effect(slower=times), "latency") for times in (2, 3)}
    trials |= {f"agreement {share:g}, bound 0.9": partial(found_disagreement, BOUNDS, share) for share in (0.85, 0.8)}
    trials |= {
        f"shift {size:g} standard deviations, bound {BOUNDS.max_shift:g}": partial(
            found, BOUNDS, Effect(shift=size), "shift"
        )
        for size in (0.35, 0.5, 1.0)
    }
    return trials


if __name__ == "__main__":
    main()
