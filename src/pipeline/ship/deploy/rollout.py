"""Tests a candidate beside the champion: golden rows, replay, and steps of live traffic."""

from collections.abc import Sequence

from pipeline.core.errors import PipelineError, listed
from pipeline.predictions.line import Line, valid_lines
from pipeline.ship.deploy import canary, replay, shadow, steps
from pipeline.ship.deploy.canary import Expected
from pipeline.ship.deploy.deployment import Deployment
from pipeline.ship.deploy.evidence import Pairs
from pipeline.ship.deploy.proof import Proof
from pipeline.ship.deploy.scores import score_limits
from pipeline.ship.deploy.steps import LOG, Step
from pipeline.ship.deploy.target import Host
from pipeline.ship.release.manifest import Release

MOST_TRAFFIC = 94  # percent, in the step of 100 %: the champion answers enough requests to be compared with
RANGE_ROWS = 200  # newest logged rows of the champion that say in which range a regression's values lie
# What a golden row says that is not answered as training scored it.
UNLIKE = "the image does not score as the model did when it was measured: release it again with `pipeline release`"


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
    champion_release = host.find_release(champion)
    if lacking := replay.lacking(deployment.release, champion_release, lines):
        deployment.say(
            f"the candidate newly needs {listed(lacking)}, which not all logged rows have: it is missing there; "
            "shift is not judged, and agreement by deploy.min_agreement alone"
        )
        expected = Expected()
    if omitted := replay.omitted(champion_release, lines):
        deployment.say(
            f"serve.log.omit keeps {listed(omitted)} out of the log: rows that are asked again lack it, "
            "so what the candidate makes of it is seen in live traffic alone"
        )
    pairs = _replay(deployment, host, champion, recent, expected, lacking)
    host.new_lines(champion)
    host.new_lines(release)
    baseline, pairs = shadow.run(deployment, host, champion, expected, pairs)
    baseline += host.requests()[0]
    for percent in bounds.steps:
        if percent <= deployment.after:
            continue
        host.route(release, min(percent, MOST_TRAFFIC))
        step = Step(percent, Proof(bounds, baseline, limits, expected.shift), expected, pairs, bool(omitted))
        steps.hold(deployment, host, champion, step)
        if percent == deployment.pause_at:
            deployment = steps.pause(deployment, host, champion, step)
        baseline, pairs = step.baseline, step.pairs


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
