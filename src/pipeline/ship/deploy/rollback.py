"""Rolls back: a release that served before takes all traffic after its smoke test, without a build."""

from pipeline.core.errors import PipelineError, listed
from pipeline.core.params import Deploy
from pipeline.predictions.line import valid_lines
from pipeline.ship.deploy.deploy import confirm, finish, recording
from pipeline.ship.deploy.deployment import Deployment, Say
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.rollout import smoke_test
from pipeline.ship.deploy.steps import LOG
from pipeline.ship.deploy.target import Host, Target
from pipeline.ship.release import ledger, verdict
from pipeline.ship.release.manifest import Release

REFUSALS_TIMEOUT = 5.0  # seconds for the rows that are tried before a rollback, which may be urgent


def rollback(target: Target, bounds: Deploy, wanted: str | None, say: Say, recorder: Recorder, deployer: str) -> None:
    """Return to the release `wanted`, or to the one that served before the champion."""
    image = target.image() or last_image(target)
    if image is None:
        raise PipelineError(
            "rollback: nothing was deployed yet, so there is nothing to return to; `pipeline deploy` deploys a release"
        )
    with target.lock(image, deployer) as host:
        host.reset()
        recorder.reconcile(host)
        champion = host.champion()
        release = _choose(host, champion, wanted)
        deployment = Deployment(release, target, bounds, say, recorder, deployer)
        if champion == release.id:
            say(f"release {release.id} serves already: nothing to do")
            return
        say(f"{verdict.line(release.verdict)}; it served here before, so it is not judged again")
        with recording(deployment, host, champion):
            host.start(release)
            smoke_test(release, host)
            if champion and (refusals := _refusals(host, champion, release, bounds.replay)):
                say(f"warning: {refusals}")
            host.promote(release)
        say(f"{confirm(host, release.id)}; release {champion} served before")
        finish(deployment, host, champion)


def _refusals(host: Host, champion: str, release: Release, rows: int) -> str:
    """How many of the newest rows the release refuses that the champion answered, as of clients that send a column
    which it does not know; empty where it refuses none, or that can't be told. It stops no rollback."""
    try:
        lines = valid_lines(host.recent_lines(champion, rows), LOG)
        answers = host.predict(release.id, [{"rows": [line.features]} for line in lines], REFUSALS_TIMEOUT)
    except PipelineError:
        return ""
    refused = [answer for answer in answers if 400 <= answer.status < 500]
    if not refused:
        return ""
    return (
        f"it refuses {len(refused)} of {len(answers)} rows that release {champion} answered "
        f"({refused[0].status} {refused[0].text[:200]}): these clients get errors until they send what it takes"
    )


def last_image(target: Target) -> str | None:
    """The image of the last release that served."""
    return next((str(entry["image"]) for entry in reversed(target.history()) if entry["event"] == "serving"), None)


def _choose(host: Host, champion: str | None, wanted: str | None) -> Release:
    """The release to return to, by the ledger once it has the champion."""
    entries = host.ledger()
    served = ledger.served(entries)
    if champion is None:
        raise PipelineError("rollback: nothing serves on this host; deploy a release")
    chosen = wanted or ledger.previous(entries, champion)
    if chosen is None:
        raise PipelineError(f"rollback: release {champion} is the first; there is none before it")
    if chosen not in served:
        raise PipelineError(f"rollback: release {chosen} never served on this host; allowed: {listed(served)}")
    release = host.find_release(chosen)
    if release is None:
        raise PipelineError(f"rollback: the host's record of release {chosen} is gone; deploy its release.json")
    return release
