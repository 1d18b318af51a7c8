"""The shadow step: before it has traffic, the candidate answers again what clients ask the champion.

Its requests are marked, so they enter no prediction log. Every few rows the champion is asked as well, in the same way:
both are timed alike, and both lack what the log leaves out.
"""

import math
import time
from collections.abc import Sequence

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.predictions.line import Line, valid_lines
from pipeline.ship.deploy import canary, freezing, readiness, replay
from pipeline.ship.deploy.canary import Expected, Finding
from pipeline.ship.deploy.deployment import ChampionStoppedError, Deployment
from pipeline.ship.deploy.evidence import Latencies, Pairs, Side, pair
from pipeline.ship.deploy.proof import Proof
from pipeline.ship.deploy.steps import LOG, POLL_INTERVAL
from pipeline.ship.deploy.target import Answer, Host

MOST_ROWS = 25  # that the candidate is asked at each look, so 50 a second
CHAMPION_EVERY = 5  # of these rows the champion is asked one in so many
TIMEOUT = 5.0  # seconds for the rows of a look; a row without an answer by then counts as failed
REST = 10.0  # seconds without a row after a look in which the champion was under load


def run(deployment: Deployment, host: Host, champion: str, expected: Expected, pairs: Pairs) -> tuple[Side, Pairs]:
    """(what the champion did with live requests meanwhile, the pairs with the new ones), after `deploy.shadow`.

    PipelineError where harm is proven. A suspicion, or too few rows, sends nobody back: the live steps judge those.
    """
    bounds, release = deployment.bounds, deployment.release.id
    usual, first, second = Side(), Side(), Side()
    if not bounds.shadow_seconds:
        return usual, pairs
    deployment.say(f"shadow: for {bounds.shadow} the candidate answers again what clients ask, without their traffic")
    evidence, expected = Proof(bounds, Side()), Expected(expected.agreement)
    started, awake, looks, rests = time.monotonic(), 0.0, 0, 0
    while (seconds := time.monotonic() - started) < bounds.shadow_seconds:
        time.sleep(POLL_INTERVAL)
        _check(host, champion, release)
        live, logged = host.requests()[0], valid_lines(host.new_lines(champion), LOG)
        if is_under_load(usual, live, bounds):
            awake = seconds + REST
        looks, rests = looks + 1, rests + (seconds < awake)
        if seconds < awake:
            continue
        usual += live
        asked = ask_both(host, champion, release, logged[:MOST_ROWS], second.requests)
        first, second, pairs = first + asked[0], second + asked[1], pairs + asked[2]
        evidence = evidence.add(asked[0], asked[1], seconds)
        findings = canary.compare(first, second, pairs, evidence, expected, bounds)
        if bad := _sentences(findings, {"bad"}):
            raise PipelineError(f"shadow: {bad}")
    rested = f"; in {rests} of {looks} looks it rested, as the champion was under load" if rests else ""
    deployment.say(f"shadow: {second.requests} rows answered{rested}")
    if second.requests:
        deployment.say(f"shadow: {_sentences(findings, {'good', 'unclear'})}")
    return usual, pairs


def _check(host: Host, champion: str, release: str) -> None:
    freezing.stop_if_frozen(host, "shadow")
    if reason := host.exit_reason(release):
        raise PipelineError(f"shadow: the candidate stopped ({reason})")
    if (reason := host.exit_reason(champion)) and not readiness.is_ready(host, champion):
        raise ChampionStoppedError(f"shadow: the champion stopped ({reason})")


def ask_both(host: Host, champion: str, candidate: str, lines: Sequence[Line], before: int) -> tuple[Side, Side, Pairs]:
    """What both did with these rows, of which the champion gets some; `before`: how many the candidate had already."""
    bodies = [{"rows": [line.features]} for line in lines]
    answers = host.predict(candidate, bodies, TIMEOUT)
    chosen = [index for index in range(len(answers)) if (before + index) % CHAMPION_EVERY == 0]
    champions = host.predict(champion, [bodies[index] for index in chosen], TIMEOUT)
    both = [
        (one, other)
        for index, answer in zip(chosen, champions, strict=False)
        if (one := replay.first_prediction(answer)) and (other := replay.first_prediction(answers[index]))
    ]
    return side(champions), side(answers), pair([one for one, _ in both], [other for _, other in both])


def side(answers: Sequence[Answer]) -> Side:
    """What a side did with marked requests."""
    failed = sum(answer.status >= 500 or answer.status < 100 for answer in answers)
    refused = sum(400 <= answer.status < 500 for answer in answers)
    times = Latencies.of(answer.milliseconds for answer in answers if 100 <= answer.status < 400)
    return Side(len(answers), failed, refused, times)


def is_under_load(usual: Side, live: Side, bounds: Deploy) -> bool:
    """Whether clients notice: the champion fails most requests of a look, or their median latency is beyond what
    `deploy.max_latency_ratio` and `deploy.latency_floor` allow a candidate's p99."""
    if 2 * live.errors > live.requests:
        return True
    now, before = live.latencies, usual.latencies
    if not now.total or not before.total:
        return False
    median, usual_median = (times.ranked(math.ceil(times.total / 2)) for times in (now, before))
    return median > max(bounds.max_latency_ratio * usual_median, bounds.latency_floor)


def _sentences(findings: Sequence[Finding], states: set[str]) -> str:
    return "; ".join(finding.sentence for finding in findings if finding.state in states)
