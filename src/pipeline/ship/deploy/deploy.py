"""Deploys a release: it is verified, tried and promoted, or the champion stays and the reason is recorded."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy import rollout
from pipeline.ship.deploy.rollout import Deployment
from pipeline.ship.deploy.target import Host
from pipeline.ship.release import registration
from pipeline.ship.release.manifest import Release


class FailedError(PipelineError):
    """The champion goes on serving; the reason is recorded."""


def deploy(deployment: Deployment, verify: Callable[[Release], None]) -> None:
    """Verify, start, test, replay, canary, promote; FailedError where the champion stays."""
    release, running = deployment.release, deployment.target.image()
    if running is None:  # the release's own image will hold the lock, and must be verified before it runs
        verify(release)
    with deployment.target.lock(running or release.image, deployment.deployer) as host:
        champion = host.champion()
        if champion == release.id and _is_ready(host, release.id):
            host.reset()
            deployment.recorder.reconcile(host)
            deployment.say(f"release {release.id} serves already: nothing to do")
            notify(deployment, host)
            return
        host.reset()
        deployment.recorder.reconcile(host)
        with recording(deployment, host, champion):
            if running is not None:
                verify(release)
            _bring_up(deployment, host)
            if champion is None or champion == release.id or not _is_ready(host, champion):
                deployment.say("no champion answers: the release takes all traffic after the smoke test")
                host.promote(release)
            else:
                rollout.canary_steps(deployment, host, champion)
                deployment.say("promoting: from now on a restarted proxy serves it, too")
                host.promote(release)
        deployment.say(f"release {release.id} serves 100 %")
        finish(deployment, host, champion)


def finish(deployment: Deployment, host: Host, previous: str | None) -> None:
    """Stop the previous champion once it is drained; a failure only prints a warning."""
    if previous and previous != deployment.release.id:
        try:
            host.retire(previous)
            deployment.say(f"release {previous} drained and stopped; `pipeline rollback` returns to it")
        except PipelineError as error:
            deployment.say(f"warning: release {previous} could not be stopped ({error})")
    notify(deployment, host)


def notify(deployment: Deployment, host: Host) -> None:
    """Update the aliases in MLflow, where a server is set, and say what a person must do on the host."""
    messages: tuple[Callable[[], str], ...] = (lambda: registration.promote(deployment.release.id), host.advice)
    for get_message in messages:
        try:
            message = get_message()
        except PipelineError as error:
            message = f"warning: {error}"
        if message:
            deployment.say(message)


@contextmanager
def recording(deployment: Deployment, host: Host, champion: str | None) -> Iterator[None]:
    """Record how the deployment in the block ends; on any failure the champion first gets all traffic again."""
    try:
        deployment.recorder.start(host, deployment.release, champion)
        yield
    except (PipelineError, KeyboardInterrupt) as error:
        reason = str(error) or "interrupted"
        try:
            host.reset()
            if champion != deployment.release.id == host.champion():  # it failed after the promotion
                deployment.recorder.serve(host, deployment.release, f"promoted, then: {reason}")
                return
        except PipelineError as problem:  # the lease expires without the deployer
            deployment.say(f"warning: {problem}; the proxy gives the champion all traffic within seconds")
        deployment.recorder.fail(host, deployment.release, reason)
        serving = "nothing serves" if champion in {None, deployment.release.id} else f"release {champion} serves 100 %"
        raise FailedError(f"release {deployment.release.id}: {reason}; {serving}") from None
    deployment.recorder.serve(host, deployment.release)


def _is_ready(host: Host, champion: str) -> bool:
    """Whether the champion answers; asked several times, since a busy host may answer one request slowly."""
    for pause in (1.0, 1.0, 1.0, 0.0):
        if host.is_ready(champion):
            return True
        time.sleep(pause)
    return False


def _bring_up(deployment: Deployment, host: Host) -> None:
    deployment.say(f"starting release {deployment.release.id} without traffic")
    host.start(deployment.release)
    rollout.smoke_test(deployment.release, host)
    deployment.say(f"ready; {len(deployment.release.golden)} golden rows answered exactly as in training")
