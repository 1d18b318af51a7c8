"""A deployment: from a release that is verified to one that serves, or back to the champion with the reason."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.deploy import canary
from pipeline.deploy.canary import Expected
from pipeline.deploy.evidence import Moments, Pairs, Side, paired
from pipeline.deploy.record import Recorder
from pipeline.deploy.targets import Answer, Host, Target
from pipeline.errors import PipelineError
from pipeline.params import Deploy
from pipeline.release.manifest import Release

Say = Callable[[str], None]
LOOK = 0.5  # seconds between two looks at a step
REPLAY = 60.0  # seconds that the replay may take for each side
SHADOWED = 50  # rows of live traffic that the candidate answers once more at one look, at most
SHADOW = 1.0  # seconds for them


class FailedError(PipelineError):
    """The champion serves on; the reason is recorded."""


@dataclass(frozen=True)
class Deployment:
    """What is deployed, where, within which bounds, and who is told."""

    release: Release
    target: Target
    bounds: Deploy
    say: Say
    recorder: Recorder
    who: str


def deploy(given: Deployment, verify: Callable[[Release], None]) -> None:
    """Verify, start, test, replay, canary, promote; FailedError where the champion stays."""
    release = given.release
    verify(release)
    with given.target.hold(release.image, given.who) as host:
        champion = host.champion()
        if champion == release.id and host.ready(release.id):
            host.settle()
            given.recorder.reconcile(host)
            given.say(f"release {release.id} serves already: nothing to do")
            return
        host.settle()
        given.recorder.reconcile(host)
        with recorded(given, host, champion):
            _bring_up(given, host)
            if champion is None or champion == release.id or not host.ready(champion):
                given.say("no champion answers: the release takes all traffic after the smoke test")
                host.promote(release)
            else:
                _canary(given, host, champion)
                given.say("promoting: from now on a restarted proxy serves it as well")
                host.promote(release)
        given.say(f"release {release.id} serves 100 %")
        finish(given, host, champion)


def finish(given: Deployment, host: Host, former: str | None) -> None:
    """Stop the former champion once it is drained; a failure of that takes nothing back."""
    if former and former != given.release.id:
        try:
            host.retire(former)
            given.say(f"release {former} drained and stopped; `pipeline rollback` returns to it")
        except PipelineError as error:
            given.say(f"warning: release {former} could not be stopped ({error})")


@contextmanager
def recorded(given: Deployment, host: Host, champion: str | None) -> Iterator[None]:
    """The ledger's entries around a deployment; any failure gives the champion all traffic first."""
    given.recorder.start(host, given.release, champion)
    try:
        yield
    except (PipelineError, KeyboardInterrupt) as error:
        reason = str(error) or "interrupted"
        try:
            host.settle()
            if host.champion() == given.release.id:  # it failed after the point of no return
                given.recorder.serve(host, given.release, f"promoted, then: {reason}")
                return
        except PipelineError as other:  # the lease gives the traffic back without us
            given.say(f"warning: {other}; the proxy gives the champion all traffic within seconds")
        given.recorder.fail(host, given.release, reason)
        serving = f"release {champion} serves 100 %" if champion else "nothing serves"
        raise FailedError(f"release {given.release.id}: {reason}; {serving}") from None
    given.recorder.serve(host, given.release)


def _bring_up(given: Deployment, host: Host) -> None:
    given.say(f"starting release {given.release.id} without traffic")
    host.start(given.release)
    smoke(given.release, host)
    given.say(f"ready; {len(given.release.golden)} golden rows answered exactly as in training")


def smoke(release: Release, host: Host) -> None:
    """Each golden row's answer must be what training gave."""
    answers = host.ask(release.id, [{"rows": [golden["row"]]} for golden in release.golden], REPLAY)
    if len(answers) < len(release.golden):
        raise PipelineError(f"golden rows: only {len(answers)} of {len(release.golden)} answered within {REPLAY:g} s")
    for at, (golden, answer) in enumerate(zip(release.golden, answers, strict=True)):
        found = _prediction(answer)
        if found is None:
            raise PipelineError(f"golden row {at}: answered {answer.status} {answer.text[:200]}")
        for key, value in golden["expected"].items():
            if found.get(key) != value:
                raise PipelineError(f"golden row {at}: {key} is {found.get(key)!r}; training gave {value!r}")


def _canary(given: Deployment, host: Host, champion: str) -> None:
    expected = Expected(given.release.expected.get("agreement"), given.release.expected.get("shift"))
    bounds, release = given.bounds, given.release.id
    pairs = _replay(given, host, champion, expected)
    host.fresh(champion)
    host.fresh(release)
    baseline = host.requests()[0]
    for percent in bounds.steps:
        host.route(release, percent)
        baseline, pairs = _step(given, host, champion, percent, baseline, pairs, expected)


def _replay(given: Deployment, host: Host, champion: str, expected: Expected) -> Pairs:
    """Recent logged rows, answered by both; PipelineError where they agree too little."""
    known = host.known(champion)
    if known is None or sorted(known.features) != sorted(given.release.features):
        given.say("replay skipped: the champion has another feature list")
        return Pairs()
    rows = [line["features"] for line in host.recent(champion, given.bounds.replay) if "features" in line]
    bodies = [{"rows": [row]} for row in rows]
    own = host.ask(champion, bodies, REPLAY)
    kept = [(body, found) for body, answer in zip(bodies, own, strict=False) if (found := _prediction(answer))]
    given.say(f"replaying {len(kept)} logged rows beside the champion")
    answers = host.ask(given.release.id, [body for body, _ in kept], REPLAY)
    pairs = _compared([found for _, found in kept], answers)
    finding = canary.agreement(pairs, expected, given.bounds)
    if finding.state == "bad":
        raise PipelineError(f"replay: {finding.sentence}")
    given.say(f"replay: {finding.sentence}")
    return pairs


def _compared(theirs: list[dict[str, Any]], answers: list[Answer]) -> Pairs:
    """The agreement; a row that the candidate does not answer stops the deployment."""
    mine = []
    for at, answer in enumerate(answers):
        found = _prediction(answer)
        if found is None:
            raise PipelineError(f"replay: row {at} answered {answer.status} {answer.text[:200]}")
        mine.append(found)
    return paired(theirs[: len(mine)], mine)


def _step(
    given: Deployment, host: Host, champion: str, percent: int, baseline: Side, pairs: Pairs, expected: Expected
) -> tuple[Side, Pairs]:
    """Hold the step until it is judged; the champion's counts grow over the steps, the candidate's begin anew."""
    release, own, began, told = given.release.id, Side(), time.monotonic(), 0.0
    while True:
        time.sleep(LOOK)
        if ended := host.ended(release):
            raise PipelineError(f"at {percent} %: the candidate ended ({ended}); {own.requests} requests before")
        host.renew(release)
        champion_side, candidate_side = host.requests()
        logged = host.fresh(champion)
        baseline += champion_side + Side(scores=scores(logged))
        own += candidate_side + Side(scores=scores(host.fresh(release)))
        if pairs.count:
            pairs = _joined(pairs, _shadow(host, release, logged))
        seconds = time.monotonic() - began
        verdict = canary.judge(baseline, own, pairs, expected, given.bounds, seconds)
        if verdict.decision != "hold":
            break
        if seconds >= told:
            given.say(f"{percent} %: holding: {'; '.join(verdict.reasons)}")
            told = seconds + 5
    if verdict.decision == "go back":
        raise PipelineError(f"at {percent} %: {'; '.join(verdict.reasons)}")
    given.say(f"{percent} %: good after {seconds:.0f} s: {'; '.join(verdict.reasons)}")
    return baseline, pairs


def _shadow(host: Host, release: str, logged: list[dict[str, Any]]) -> Pairs:
    """The agreement on rows that the champion has just answered: the candidate answers them once more, marked."""
    lines = [line for line in logged if "features" in line][:SHADOWED]
    answers = host.ask(release, [{"rows": [line["features"]]} for line in lines], SHADOW)
    both = [(line, found) for line, answer in zip(lines, answers, strict=False) if (found := _prediction(answer))]
    return paired([line for line, _ in both], [found for _, found in both])


def _joined(one: Pairs, other: Pairs) -> Pairs:
    """Equal labels add up; correlations are weighted by their rows."""
    count = one.count + other.count
    if not other.count:
        return one
    return Pairs(count, (one.agreement * one.count + other.agreement * other.count) / count, one.is_correlation)


def scores(lines: list[dict[str, Any]]) -> Moments:
    """One number for each request: the mean score of its rows (row id: request id, a hyphen, the place)."""
    grouped: dict[str, list[float]] = {}
    for line in lines:
        if isinstance(line.get("score"), int | float):
            grouped.setdefault(str(line.get("id", "")).rpartition("-")[0], []).append(float(line["score"]))
    return Moments.of(sum(values) / len(values) for values in grouped.values())


def _prediction(answer: Answer) -> dict[str, Any] | None:
    """The first row's prediction; None where there is none."""
    if answer.status != 200:
        return None
    try:
        found = json.loads(answer.text)["predictions"][0]
    except (ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, dict) and "score" in found else None


__all__ = ["Deployment", "FailedError", "deploy", "finish", "recorded", "smoke"]
