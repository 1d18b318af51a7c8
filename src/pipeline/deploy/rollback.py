"""The way back: a release that served before takes all traffic, after its smoke test, without a build."""

from collections.abc import Callable

from pipeline.deploy import ledger
from pipeline.deploy.deploy import finish, recorded
from pipeline.deploy.deployment import Deployment
from pipeline.deploy.rollout import smoke
from pipeline.deploy.targets import Target
from pipeline.errors import PipelineError, listed
from pipeline.params import Deploy
from pipeline.release.manifest import Release


def rollback(
    target: Target, bounds: Deploy, wanted: str | None, given: Callable[[Release], Deployment], who: str
) -> None:
    """Return to `wanted`, or to what served before the champion."""
    served = [one for one in target.history() if one["event"] == "serving"]
    images = {str(one["release"]): str(one["image"]) for one in served}
    if not served:
        raise PipelineError("rollback: nothing was deployed yet")
    chosen = wanted or ledger.former(served, served[-1]["release"])
    if chosen is None:
        raise PipelineError(f"rollback: release {served[-1]['release']} is the first; there is none before it")
    if chosen not in images:
        raise PipelineError(f"rollback: release {chosen} never served here; allowed: {listed(images)}")
    with target.hold(target.image() or images[chosen], who) as host:
        champion = host.champion()
        host.settle()
        release = host.known(chosen)
        if release is None:
            raise PipelineError(f"rollback: the host's record of release {chosen} is gone; deploy its release.json")
        deployment = given(release)
        deployment.recorder.reconcile(host)
        if champion == chosen:
            deployment.say(f"release {chosen} serves already: nothing to do")
            return
        with recorded(deployment, host, champion):
            host.start(release)
            smoke(release, host)
            host.promote(release)
        deployment.say(f"release {chosen} serves 100 %; release {champion} did before")
        finish(deployment, host, champion)
