"""A step of the canary: the candidate has a share of the live traffic, and is judged twice a second."""

import time
from dataclasses import dataclass, field, replace

from pipeline.core.errors import PipelineError
from pipeline.predictions.line import valid_lines
from pipeline.ship.deploy import canary, freezing, readiness, replay
from pipeline.ship.deploy.canary import Expected, Verdict
from pipeline.ship.deploy.deployment import ChampionStoppedError, Deployment
from pipeline.ship.deploy.evidence import Pairs, Side
from pipeline.ship.deploy.observed import StepState
from pipeline.ship.deploy.proof import Proof
from pipeline.ship.deploy.scores import scores
from pipeline.ship.deploy.target import Host
from pipeline.ship.release import ledger

LOG = "the prediction log on the host"
POLL_INTERVAL = 0.5  # seconds between two looks
REPORT_INTERVAL, PAUSED_REPORT_INTERVAL = 5, 600  # seconds between two lines of output


@dataclass
class Step:
    """What a step knows so far. The champion's counts add up over the steps, the candidate's start anew.

    `is_blind`: logged rows lack columns that the champion answered with, so no row is asked again to compare the two.
    """

    percent: int
    evidence: Proof
    expected: Expected
    pairs: Pairs
    is_blind: bool = False
    own: Side = field(default_factory=Side)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.baseline = self.evidence.past

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


def hold(deployment: Deployment, host: Host, champion: str, step: Step) -> None:
    """Hold the step until it is good; PipelineError where the candidate is to be rolled back."""
    next_report = 0.0
    while (verdict := _look(deployment, host, champion, step)).decision == "hold":
        if step.seconds >= next_report:
            deployment.say(f"{step.percent} %: holding: {'; '.join(verdict.reasons)}")
            next_report = step.seconds + REPORT_INTERVAL
    deployment.say(f"{step.percent} %: good after {step.seconds:.0f} s: {'; '.join(verdict.reasons)}")


def pause(deployment: Deployment, host: Host, champion: str, step: Step) -> Deployment:
    """Stay at the step's share until somebody continues; the deployment with the share to pause at next, if any.

    The candidate is judged on, so harm that is proven meanwhile rolls it back.
    """
    host.park(deployment.release)
    deployment.recorder.pause(host, deployment.release, step.percent)
    next_report = 0.0
    while (entry := ledger.paused(host.ledger())) and entry["event"] == "paused":
        if step.seconds >= next_report:
            deployment.say(f"{step.percent} %: paused; `pipeline promote` continues")
            next_report = step.seconds + PAUSED_REPORT_INTERVAL
        _look(deployment, host, champion, step)
    if entry is None:
        raise PipelineError(f"at {step.percent} %: the ledger says no more that the canary is paused")
    reason = f": {entry['reason']}" if entry.get("reason") else ""
    deployment.say(f"{step.percent} %: continued by {entry.get('by')}{reason}")
    deployment.recorder.go_on(deployment.release.id)
    return replace(deployment, pause_at=entry.get("pause_at"))


def _look(deployment: Deployment, host: Host, champion: str, step: Step) -> Verdict:
    """Wait, renew the lease, count, judge; PipelineError where the candidate is to be rolled back."""
    release, percent, limits = deployment.release.id, step.percent, step.evidence.limits
    time.sleep(POLL_INTERVAL)
    if reason := host.exit_reason(release):
        raise PipelineError(f"at {percent} %: the candidate stopped ({reason}) after {step.own.requests} requests")
    host.renew(release)
    if (reason := host.exit_reason(champion)) and not readiness.is_ready(host, champion):
        raise ChampionStoppedError(f"at {percent} %: the champion stopped ({reason})")
    freezing.stop_if_frozen(host, f"at {percent} %")
    champion_side, candidate_side = host.requests()
    logged = valid_lines(host.new_lines(champion), LOG)
    champion_side += Side(scores=scores(logged, limits))
    candidate_side += Side(scores=scores(valid_lines(host.new_lines(release), LOG), limits))
    step.baseline, step.own = step.baseline + champion_side, step.own + candidate_side
    if step.pairs.count and not step.is_blind:
        step.pairs += replay.ask_again(host, release, logged)
    seconds = step.seconds
    step.evidence = step.evidence.add(champion_side, candidate_side, seconds)
    host.observe(StepState(percent, seconds, step.baseline, step.own, step.evidence, step.pairs, step.expected))
    verdict = canary.judge(
        step.baseline, step.own, step.pairs, step.evidence, step.expected, deployment.bounds, seconds
    )
    if verdict.decision == "roll back":
        raise PipelineError(f"at {percent} %: {'; '.join(verdict.reasons)}")
    return verdict
