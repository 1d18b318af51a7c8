"""The way back: a release that served before takes all traffic, after its smoke test, without a build."""

from pipeline.core.errors import PipelineError, listed
from pipeline.core.params import Deploy
from pipeline.ship.deploy import ledger
from pipeline.ship.deploy.deploy import finish, recorded
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.rollout import Deployment, Say, smoke
from pipeline.ship.deploy.targets import Host, Target
from pipeline.ship.release.manifest import Release


def rollback(target: Target, bounds: Deploy, wanted: str | None, say: Say, recorder: Recorder, who: str) -> None:
    """Return to `wanted`, or to what served before the champion."""
    image = target.image() or _served(target)
    if image is None:
        raise PipelineError("rollback: nothing was deployed yet")
    with target.hold(image, who) as host:
        host.settle()
        recorder.reconcile(host)
        champion = host.champion()
        release = _chosen(host, champion, wanted)
        deployment = Deployment(release, target, bounds, say, recorder, who)
        if champion == release.id:
            say(f"release {release.id} serves already: nothing to do")
            return
        with recorded(deployment, host, champion):
            host.start(release)
            smoke(release, host)
            host.promote(release)
        say(f"release {release.id} serves 100 %; release {champion} did before")
        finish(deployment, host, champion)


def _served(target: Target) -> str | None:
    """The image of the last release that served."""
    return next((str(one["image"]) for one in reversed(target.history()) if one["event"] == "serving"), None)


def _chosen(host: Host, champion: str | None, wanted: str | None) -> Release:
    """The release to return to, by the ledger as it is once the champion is in it."""
    entries = host.ledger()
    served = ledger.served(entries)
    if champion is None:
        raise PipelineError("rollback: nothing serves here; deploy a release")
    chosen = wanted or ledger.former(entries, champion)
    if chosen is None:
        raise PipelineError(f"rollback: release {champion} is the first; there is none before it")
    if chosen not in served:
        raise PipelineError(f"rollback: release {chosen} never served here; allowed: {listed(served)}")
    release = host.known(chosen)
    if release is None:
        raise PipelineError(f"rollback: the host's record of release {chosen} is gone; deploy its release.json")
    return release
