"""How a candidate is tried beside the champion: golden rows, replay, and the steps of the live traffic."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.predictions.line import Line, Prediction, valid_lines
from pipeline.ship.deploy import canary
from pipeline.ship.deploy.canary import Expected
from pipeline.ship.deploy.evidence import Moments, Pairs, Side, paired
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.targets import Answer, Host, Target
from pipeline.ship.release.manifest import Release

LOG = "the prediction log on the host"
LOOK = 0.5  # seconds between two looks at a step
REPLAY = 60.0  # seconds that the replay may take for each side
SHADOWED = 50  # rows of live traffic that the candidate answers once more at one look, at most
SHADOW = 1.0  # seconds for them


Say = Callable[[str], None]


@dataclass(frozen=True)
class Deployment:
    """What is deployed, where, within which bounds, and who is told."""

    release: Release
    target: Target
    bounds: Deploy
    say: Say
    recorder: Recorder
    who: str


class Answered(msgspec.Struct):
    """The body of an answer, of whichever version of the service."""

    predictions: list[Prediction]


ANSWERED = msgspec.json.Decoder(Answered)


def smoke(release: Release, host: Host) -> None:
    """Each golden row's answer must be what training gave."""
    answers = host.ask(release.id, [{"rows": [golden["row"]]} for golden in release.golden], REPLAY)
    if len(answers) < len(release.golden):
        raise PipelineError(f"golden rows: only {len(answers)} of {len(release.golden)} answered within {REPLAY:g} s")
    for at, (golden, answer) in enumerate(zip(release.golden, answers, strict=True)):
        found = prediction(answer)
        if found is None:
            raise PipelineError(f"golden row {at}: answered {answer.status} {answer.text[:200]}")
        for key, value in golden["expected"].items():
            if getattr(found, key, None) != value:
                raise PipelineError(f"golden row {at}: {key} is {getattr(found, key, None)!r}; training gave {value!r}")


def canary_steps(given: Deployment, host: Host, champion: str) -> None:
    """Replay, then the steps of live traffic; PipelineError with what was found where the candidate must go back."""
    expected = _expected(given, host, champion)
    bounds, release = given.bounds, given.release.id
    pairs = _replay(given, host, champion, expected)
    host.fresh(champion)
    host.fresh(release)
    baseline = host.requests()[0]
    for percent in bounds.steps:
        host.route(release, percent)
        baseline, pairs = _step(given, host, champion, percent, baseline, pairs, expected)


def _expected(given: Deployment, host: Host, champion: str) -> Expected:
    """What the gate measured, where it was against the champion's model: after a rollback it was against another."""
    told, known = given.release.expected, host.known(champion)
    if told and (known is None or known.model != given.release.against):
        given.say("agreement and shift are not judged: the gate measured them against another model, not this champion")
        return Expected()
    return Expected(told.get("agreement"), told.get("shift"))


def _replay(given: Deployment, host: Host, champion: str, expected: Expected) -> Pairs:
    """Recent logged rows, answered by both; PipelineError where the candidate refuses one or they agree too little."""
    known = host.known(champion)
    comparable = known is not None and sorted(known.features) == sorted(given.release.features)
    lines = valid_lines(host.recent(champion, given.bounds.replay), LOG)
    bodies = [{"rows": [line.features]} for line in lines]
    own = host.ask(champion, bodies, REPLAY)
    kept = [(body, found) for body, answer in zip(bodies, own, strict=False) if (found := prediction(answer))]
    given.say(f"replaying {len(kept)} logged rows beside the champion")
    answers = host.ask(given.release.id, [body for body, _ in kept], REPLAY)
    pairs = _compared([found for _, found in kept], answers)
    if not comparable:
        given.say("the candidate takes these rows; agreement is not judged: the champion has another feature list")
        return Pairs()
    finding = canary.agreement(pairs, expected, given.bounds)
    if finding.state == "bad":
        raise PipelineError(f"replay: {finding.sentence}")
    given.say(f"replay: {finding.sentence}")
    return pairs


def _compared(theirs: list[Prediction], answers: list[Answer]) -> Pairs:
    """The agreement; a row that the candidate does not answer stops the deployment."""
    mine = []
    for at, answer in enumerate(answers):
        found = prediction(answer)
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
        logged = valid_lines(host.fresh(champion), LOG)
        baseline += champion_side + Side(scores=scores(logged))
        own += candidate_side + Side(scores=scores(valid_lines(host.fresh(release), LOG)))
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


def _shadow(host: Host, release: str, logged: Sequence[Line]) -> Pairs:
    """The agreement on rows that the champion has just answered: the candidate answers them once more, marked."""
    lines = logged[:SHADOWED]
    answers = host.ask(release, [{"rows": [line.features]} for line in lines], SHADOW)
    both = [(line, found) for line, answer in zip(lines, answers, strict=False) if (found := prediction(answer))]
    return paired([line for line, _ in both], [found for _, found in both])


def _joined(one: Pairs, other: Pairs) -> Pairs:
    """Equal labels add up; correlations are weighted by their rows."""
    count = one.count + other.count
    if not other.count:
        return one
    return Pairs(count, (one.agreement * one.count + other.agreement * other.count) / count, one.is_correlation)


def scores(lines: Iterable[Line]) -> Moments:
    """One number for each request: the mean score of its rows (row id: request id, a hyphen, the place)."""
    grouped: dict[str, list[float]] = {}
    for line in lines:
        grouped.setdefault(line.id.rpartition("-")[0], []).append(line.score)
    return Moments.of(sum(values) / len(values) for values in grouped.values())


def prediction(answer: Answer) -> Prediction | None:
    """The first row's prediction; None where there is none."""
    if answer.status != 200:
        return None
    try:
        return ANSWERED.decode(answer.text).predictions[0]
    except (ValueError, RecursionError, IndexError):  # msgspec's errors are ValueErrors
        return None
