"""Tests a candidate beside the champion: golden rows, replay, and steps of live traffic."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pipeline.core.errors import PipelineError, listed
from pipeline.core.params import Deploy
from pipeline.predictions.line import Line, valid_lines
from pipeline.ship.deploy import canary, readiness, replay
from pipeline.ship.deploy.canary import Expected
from pipeline.ship.deploy.evidence import Moments, Pairs, Side
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.observed import StepState
from pipeline.ship.deploy.proof import Proof
from pipeline.ship.deploy.target import Host, Target
from pipeline.ship.release.manifest import Release

LOG = "the prediction log on the host"
POLL_INTERVAL = 0.5  # seconds between two checks of a step
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


class ChampionStoppedError(PipelineError):
    """There is nothing left to compare the candidate with, and nothing to return to."""


def smoke_test(release: Release, host: Host) -> None:
    """PipelineError unless each golden row's answer is exactly what training gave, its features included."""
    answers = host.predict(release.id, [{"rows": [golden["row"]]} for golden in release.golden], replay.TIMEOUT)
    if len(answers) < len(release.golden):
        raise PipelineError(
            f"golden rows: only {len(answers)} of {len(release.golden)} answered within {replay.TIMEOUT:g} s; "
            "look how busy the host is (deploy.cpus, deploy.memory), then deploy again"
        )
    for index, (golden, answer) in enumerate(zip(release.golden, answers, strict=True)):
        prediction = replay.first_prediction(answer)
        if prediction is None:
            raise PipelineError(
                f"golden row {index}: answered {answer.status} {answer.text[:200]}, "
                f"and training scored this test row; {UNLIKE}"
            )
        features = replay.first_features(answer)
        compared = [
            (f"feature {name}", features[name], value)
            for name, value in golden.get("features", {}).items()
            if name in features
        ]
        compared += [(key, getattr(prediction, key, None), value) for key, value in golden["expected"].items()]
        for name, actual, value in compared:
            if actual != value:
                raise PipelineError(
                    f"golden row {index}: {name} is {actual!r}; training gave {value!r} for this test row; {UNLIKE}"
                )


def canary_steps(deployment: Deployment, host: Host, champion: str) -> None:
    """Replay, then the steps of live traffic; PipelineError with the reason where the candidate is rolled back.

    ChampionStoppedError where the champion stops meanwhile and does not answer again.
    """
    expected = _expected(deployment, host, champion)
    bounds, release = deployment.bounds, deployment.release.id
    lines = valid_lines(host.recent_lines(champion, max(bounds.replay, RANGE_ROWS)), LOG)
    limits, recent = score_limits(lines), lines[len(lines) - min(bounds.replay, len(lines)) :]
    if lacking := replay.lacking(deployment.release, host.find_release(champion), lines):
        deployment.say(
            f"the candidate newly needs {listed(lacking)}, which not all logged rows have: it is missing there; "
            "shift is not judged, and agreement by deploy.min_agreement alone"
        )
        expected = Expected()
    pairs = _replay(deployment, host, champion, recent, expected, lacking)
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


def _replay(
    deployment: Deployment, host: Host, champion: str, lines: Sequence[Line], expected: Expected, lacking: Sequence[str]
) -> Pairs:
    """Send recent logged rows to both; PipelineError where the candidate refuses one or they agree too little."""
    deployment.say(f"replaying {len(lines)} logged rows beside the champion")
    pairs = replay.compare(host, champion, deployment.release.id, lines, lacking)
    finding = canary.compare_agreement(pairs, expected, deployment.bounds)
    if finding.state == "bad":
        raise PipelineError(f"replay: {finding.sentence}")
    deployment.say(f"replay: {finding.sentence}")
    return pairs


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
            pairs += replay.shadow(host, release, logged)
        seconds = time.monotonic() - started
        evidence = evidence.add(champion_side, candidate_side, seconds)
        host.observe(StepState(percent, seconds, baseline, own, evidence, pairs, expected))
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
