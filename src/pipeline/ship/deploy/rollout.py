"""Tests a candidate beside the champion: golden rows, replay, and steps of live traffic."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.predictions.line import Line, Prediction, valid_lines
from pipeline.ship.deploy import canary, readiness
from pipeline.ship.deploy.canary import Expected
from pipeline.ship.deploy.evidence import Moments, Pairs, Side, pair
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.proof import Proof
from pipeline.ship.deploy.target import Answer, Host, Target
from pipeline.ship.release.manifest import Release

LOG = "the prediction log on the host"
POLL_INTERVAL = 0.5  # seconds between two checks of a step
REPLAY_TIMEOUT = 60.0  # seconds that the replay may take for each side
SHADOW_ROWS = 50  # rows of live traffic that the candidate answers again at each check, at most
SHADOW_TIMEOUT = 1.0  # seconds for them
MOST_TRAFFIC = 94  # percent, in the step of 100 %: the champion answers enough requests to be compared with
RANGE_ROWS = 200  # newest logged rows of the champion that say in which range a regression's values lie
# What a golden row says that is not answered as training scored it.
UNLIKE = "the image does not score as the model did when it was measured: release it again with `pipeline release`"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Deployment:
    """What is deployed, where and within which bounds; `say` prints progress, `recorder` records the outcome."""

    release: Release
    target: Target
    bounds: Deploy
    say: Say
    recorder: Recorder
    deployer: str


class AnswerBody(msgspec.Struct):
    """The body of an answer from any version of the service."""

    predictions: list[Prediction]


class ChampionStoppedError(PipelineError):
    """There is nothing left to compare the candidate with, and nothing to return to."""


ANSWER_BODY = msgspec.json.Decoder(AnswerBody)


def smoke_test(release: Release, host: Host) -> None:
    """PipelineError unless each golden row's answer is exactly what training gave."""
    answers = host.predict(release.id, [{"rows": [golden["row"]]} for golden in release.golden], REPLAY_TIMEOUT)
    if len(answers) < len(release.golden):
        raise PipelineError(
            f"golden rows: only {len(answers)} of {len(release.golden)} answered within {REPLAY_TIMEOUT:g} s; "
            "look how busy the host is (deploy.cpus, deploy.memory), then deploy again"
        )
    for index, (golden, answer) in enumerate(zip(release.golden, answers, strict=True)):
        prediction = first_prediction(answer)
        if prediction is None:
            raise PipelineError(
                f"golden row {index}: answered {answer.status} {answer.text[:200]}, "
                f"and training scored this test row; {UNLIKE}"
            )
        for key, value in golden["expected"].items():
            if (actual := getattr(prediction, key, None)) != value:
                raise PipelineError(
                    f"golden row {index}: {key} is {actual!r}; training gave {value!r} for this test row; {UNLIKE}"
                )


def canary_steps(deployment: Deployment, host: Host, champion: str) -> None:
    """Replay, then the steps of live traffic; PipelineError with the reason where the candidate is rolled back.

    ChampionStoppedError where the champion stops meanwhile and does not answer again.
    """
    expected = _expected(deployment, host, champion)
    bounds, release = deployment.bounds, deployment.release.id
    lines = valid_lines(host.recent_lines(champion, max(bounds.replay, RANGE_ROWS)), LOG)
    limits = score_limits(lines)
    pairs = _replay(deployment, host, champion, lines[len(lines) - min(bounds.replay, len(lines)) :], expected)
    host.new_lines(champion)
    host.new_lines(release)
    baseline = host.requests()[0]
    for percent in bounds.steps:
        host.route(release, min(percent, MOST_TRAFFIC))
        evidence = Proof(bounds, baseline, limits, expected.shift)
        baseline, pairs = _step(deployment, host, champion, percent, evidence, pairs, expected)


def _expected(deployment: Deployment, host: Host, champion: str) -> Expected:
    """What the gate measured, if against the champion's model; after a rollback it was against another one."""
    measured, champion_release = deployment.release.expected, host.find_release(champion)
    if measured and (champion_release is None or champion_release.model != deployment.release.against):
        deployment.say(
            "what the gate measured was against another model, not this champion: "
            "shift is not judged, and agreement by deploy.min_agreement alone"
        )
        return Expected()
    return Expected(measured.get("agreement"), measured.get("shift"))


def _replay(deployment: Deployment, host: Host, champion: str, lines: Sequence[Line], expected: Expected) -> Pairs:
    """Send recent logged rows to both; PipelineError where the candidate refuses one or they agree too little."""
    release, champion_release = deployment.release, host.find_release(champion)
    comparable = champion_release is not None and sorted(champion_release.features) == sorted(release.features)
    bodies = [{"rows": [line.features]} for line in lines]
    own = host.predict(champion, bodies, REPLAY_TIMEOUT)
    answered = [(body, first) for body, answer in zip(bodies, own, strict=False) if (first := first_prediction(answer))]
    deployment.say(f"replaying {len(answered)} logged rows beside the champion")
    answers = host.predict(release.id, [body for body, _ in answered], REPLAY_TIMEOUT)
    pairs = _compare_replay([prediction for _, prediction in answered], answers)
    if not comparable:
        deployment.say(
            "the candidate accepts these rows; agreement is not judged: the champion has another feature list"
        )
        return Pairs()
    finding = canary.compare_agreement(pairs, expected, deployment.bounds)
    if finding.state == "bad":
        raise PipelineError(f"replay: {finding.sentence}")
    deployment.say(f"replay: {finding.sentence}")
    return pairs


def _compare_replay(champion: list[Prediction], answers: list[Answer]) -> Pairs:
    """The agreement; a row that the candidate does not answer stops the deployment."""
    candidate = []
    for index, answer in enumerate(answers):
        prediction = first_prediction(answer)
        if prediction is None:
            raise PipelineError(f"replay: row {index} answered {answer.status} {answer.text[:200]}")
        candidate.append(prediction)
    return pair(champion[: len(candidate)], candidate)


def _step(
    deployment: Deployment, host: Host, champion: str, percent: int, evidence: Proof, pairs: Pairs, expected: Expected
) -> tuple[Side, Pairs]:
    """Hold the step until it is judged; the champion's counts add up over the steps, the candidate's start anew."""
    release, baseline, own, limits = deployment.release.id, evidence.past, Side(), evidence.limits
    started, next_report = time.monotonic(), 0.0
    while True:
        time.sleep(POLL_INTERVAL)
        if reason := host.exit_reason(release):
            raise PipelineError(f"at {percent} %: the candidate stopped ({reason}) after {own.requests} requests")
        host.renew(release)
        if (reason := host.exit_reason(champion)) and not readiness.is_ready(host, champion):
            raise ChampionStoppedError(f"at {percent} %: the champion stopped ({reason})")
        champion_side, candidate_side = host.requests()
        logged = valid_lines(host.new_lines(champion), LOG)
        champion_side += Side(scores=scores(logged, limits))
        candidate_side += Side(scores=scores(valid_lines(host.new_lines(release), LOG), limits))
        baseline, own = baseline + champion_side, own + candidate_side
        if pairs.count:
            pairs += _shadow(host, release, logged)
        seconds = time.monotonic() - started
        evidence = evidence.add(champion_side, candidate_side, seconds)
        verdict = canary.judge(baseline, own, pairs, evidence, expected, deployment.bounds, seconds)
        if verdict.decision != "hold":
            break
        if seconds >= next_report:
            deployment.say(f"{percent} %: holding: {'; '.join(verdict.reasons)}")
            next_report = seconds + 5
    if verdict.decision == "roll back":
        raise PipelineError(f"at {percent} %: {'; '.join(verdict.reasons)}")
    deployment.say(f"{percent} %: good after {seconds:.0f} s: {'; '.join(verdict.reasons)}")
    return baseline, pairs


def _shadow(host: Host, release: str, logged: Sequence[Line]) -> Pairs:
    """The agreement on rows that the champion has just answered, sent to the candidate as marked requests."""
    lines = logged[:SHADOW_ROWS]
    answers = host.predict(release, [{"rows": [line.features]} for line in lines], SHADOW_TIMEOUT)
    both = [(line, first) for line, answer in zip(lines, answers, strict=False) if (first := first_prediction(answer))]
    return pair([line for line, _ in both], [prediction for _, prediction in both])


def score_limits(lines: Sequence[Line]) -> tuple[float, float] | None:
    """The range that scores are clipped to: 0 to 1 for classes, else that of the values; None without any."""
    if any(line.label is not None for line in lines):
        return 0.0, 1.0
    values = [line.score for line in lines]
    return (min(values), max(values)) if values else None


def scores(lines: Iterable[Line], limits: tuple[float, float] | None) -> Moments:
    """One number for each request: the mean score of its rows (row id: request id, a hyphen, the row's index)."""
    grouped: dict[str, list[float]] = {}
    low, high = limits or (-math.inf, math.inf)
    for line in lines:
        grouped.setdefault(line.id.rpartition("-")[0], []).append(min(max(line.score, low), high))
    return Moments.of(sum(values) / len(values) for values in grouped.values())


def first_prediction(answer: Answer) -> Prediction | None:
    """The first row's prediction; None where there is none."""
    if answer.status != 200:
        return None
    try:
        return ANSWER_BODY.decode(answer.text).predictions[0]
    except (ValueError, RecursionError, IndexError):  # msgspec's errors are ValueErrors
        return None
