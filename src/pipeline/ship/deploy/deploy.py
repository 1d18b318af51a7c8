"""A deployment: from a release that is verified to one that serves, or back to the champion with the reason."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy import rollout
from pipeline.ship.deploy.rollout import Deployment
from pipeline.ship.deploy.targets import Host
from pipeline.ship.release import registration
from pipeline.ship.release.manifest import Release


class FailedError(PipelineError):
    """The champion serves on; the reason is recorded."""


def deploy(given: Deployment, verify: Callable[[Release], None]) -> None:
    """Verify, start, test, replay, canary, promote; FailedError where the champion stays."""
    release, running = given.release, given.target.image()
    if running is None:  # the release's own image will hold the lock: it runs nowhere before it is verified
        verify(release)
    with given.target.hold(running or release.image, given.who) as host:
        champion = host.champion()
        if champion == release.id and _answers(host, release.id):
            host.settle()
            given.recorder.reconcile(host)
            given.say(f"release {release.id} serves already: nothing to do")
            tell(given, host)
            return
        host.settle()
        given.recorder.reconcile(host)
        with recorded(given, host, champion):
            if running is not None:
                verify(release)
            _bring_up(given, host)
            if champion is None or champion == release.id or not _answers(host, champion):
                given.say("no champion answers: the release takes all traffic after the smoke test")
                host.promote(release)
            else:
                rollout.canary_steps(given, host, champion)
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
    tell(given, host)


def tell(given: Deployment, host: Host) -> None:
    """MLflow, where a server is set, learns what serves; a person learns what the host can't do by itself."""
    asked: tuple[Callable[[], str], ...] = (lambda: registration.promote(given.release.id), host.advice)
    for ask in asked:
        try:
            told = ask()
        except PipelineError as error:
            told = f"warning: {error}"
        if told:
            given.say(told)


@contextmanager
def recorded(given: Deployment, host: Host, champion: str | None) -> Iterator[None]:
    """The ledger's entries around a deployment; any failure gives the champion all traffic first."""
    try:
        given.recorder.start(host, given.release, champion)
        yield
    except (PipelineError, KeyboardInterrupt) as error:
        reason = str(error) or "interrupted"
        try:
            host.settle()
            if champion != given.release.id == host.champion():  # it failed after the point of no return
                given.recorder.serve(host, given.release, f"promoted, then: {reason}")
                return
        except PipelineError as other:  # the lease gives the traffic back without us
            given.say(f"warning: {other}; the proxy gives the champion all traffic within seconds")
        given.recorder.fail(host, given.release, reason)
        serving = "nothing serves" if champion in {None, given.release.id} else f"release {champion} serves 100 %"
        raise FailedError(f"release {given.release.id}: {reason}; {serving}") from None
    given.recorder.serve(host, given.release)


def _answers(host: Host, champion: str) -> bool:
    """Whether the champion is there; one slow answer on a busy host does not mean that there is none."""
    for pause in (1.0, 1.0, 1.0, 0.0):
        if host.ready(champion):
            return True
        time.sleep(pause)
    return False


def _bring_up(given: Deployment, host: Host) -> None:
    given.say(f"starting release {given.release.id} without traffic")
    host.start(given.release)
    rollout.smoke(given.release, host)
    given.say(f"ready; {len(given.release.golden)} golden rows answered exactly as in training")
