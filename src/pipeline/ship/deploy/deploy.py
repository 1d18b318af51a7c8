"""Deploys a release: it is verified, tried and promoted, or the champion stays and the reason is recorded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy import freezing, readiness, rollout
from pipeline.ship.deploy.deployment import ChampionStoppedError, Deployment
from pipeline.ship.deploy.target import Host
from pipeline.ship.release import ledger, registration, verdict
from pipeline.ship.release.manifest import Release


class FailedError(PipelineError):
    """The champion goes on serving; the reason is recorded."""


def deploy(deployment: Deployment, verify: Callable[[Release], None]) -> None:
    """Verify, start, test, replay, canary, promote; FailedError where the champion stays.

    PipelineError, before the host is touched, for a release that the gate failed and nobody overruled, and on a host
    whose deployments are frozen.
    """
    _check_verdict(deployment)
    release, running = deployment.release, deployment.target.image()
    if running is None:  # the release's own image will hold the lock, and must be verified before it runs
        verify(release)
    with deployment.target.lock(running or release.image, deployment.deployer) as host:
        freezing.refuse_if_frozen(host, "deploy")
        champion = host.champion()
        if champion == release.id and readiness.is_ready(host, release.id):
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
            try_and_promote(deployment, host, champion)
        deployment.say(confirm(host, release.id))
        finish(deployment, host, champion)


def try_and_promote(deployment: Deployment, host: Host, champion: str | None) -> None:
    """Start the release, test it, let it show itself beside the champion, and make it the champion."""
    release = deployment.release
    _bring_up(deployment, host)
    if champion is None or champion == release.id or not readiness.is_ready(host, champion):
        without = "" if deployment.pause_at is None else ", without a pause"
        deployment.say(f"no champion answers: the release takes all traffic after the smoke test{without}")
        host.promote(release)
        return
    _compare_champions(deployment, host, champion)
    _canary(deployment, host, champion)
    freezing.stop_if_frozen(host, "before the promotion")
    deployment.say("promoting: from now on a restarted proxy serves it, too")
    host.promote(release)


def _check_verdict(deployment: Deployment) -> None:
    """Say what the gate said of the release. One that an older version of the template made carries no verdict."""
    release = deployment.release
    judged = release.verdict
    if judged and judged.refused:
        raise PipelineError(
            f"release {release.id}: the gate failed it ({'; '.join(judged.failing)}) and nobody overruled that; "
            "`pipeline release --overruled-by NAME --reason WHY` makes a release that may be deployed"
        )
    deployment.say(verdict.line(judged) if judged else f"warning: {verdict.MISSING}; `pipeline release` judges it")


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
def recording(
    deployment: Deployment, host: Host, champion: str | None, begin: Callable[[], None] | None = None
) -> Iterator[None]:
    """Record how the deployment in the block ends; on any failure the champion first gets all traffic again.

    `begin` records its start, where it is not a new one. A paused canary whose deployer is interrupted stays paused.
    """
    try:
        if begin:
            begin()
        else:
            deployment.recorder.start(host, deployment.release, champion)
        yield
    except (PipelineError, KeyboardInterrupt) as error:
        reason = str(error) or "interrupted"
        try:
            host.reset()
            if isinstance(error, KeyboardInterrupt) and (paused := _paused(host)):
                raise FailedError(f"{paused}; {_state(host, str(champion))[1]}") from None
            if champion != deployment.release.id == host.champion():  # it failed after the promotion
                deployment.recorder.serve(host, deployment.release, f"promoted, then: {reason}")
                return
        except FailedError:
            raise
        except PipelineError as problem:  # the lease expires without the deployer
            deployment.say(f"warning: {problem}; a proxy that runs gives the champion all traffic within seconds")
        deployment.recorder.fail(host, deployment.release, reason)
        kept = None if champion == deployment.release.id else champion
        serving = _state(host, kept)[1] if kept else "nothing serves"
        raise FailedError(f"release {deployment.release.id}: {reason}; {serving}") from None
    deployment.recorder.serve(host, deployment.release)


def _paused(host: Host) -> str:
    """That the canary is paused, and what continues it; empty where it is not."""
    entry = ledger.paused(host.ledger())
    if entry is None or entry["event"] != "paused":
        return ""
    return (
        f"release {entry['release']}: interrupted while it was paused at {entry['percent']} %; "
        "`pipeline promote` takes it up again"
    )


def _canary(deployment: Deployment, host: Host, champion: str) -> None:
    try:
        rollout.canary_steps(deployment, host, champion)
    except ChampionStoppedError as stopped:
        deployment.say(f"{stopped} and answers no more: the release, which passed its smoke test, takes all traffic")


def _compare_champions(deployment: Deployment, host: Host, champion: str) -> None:
    """Say where the gate judged the release against another model than what serves now, after a rollback say."""
    serving, judged = host.find_release(champion), deployment.release.verdict
    if serving and judged and serving.model not in {judged.model, deployment.release.model}:
        against = f"the model of {judged.commit[:7]}" if judged.commit else "no model"
        deployment.say(f"warning: the gate judged this release against {against}; release {champion} serves another")


def confirm(host: Host, release: str) -> str:
    """That the promoted release serves; FailedError where no client gets an answer, or nobody can say."""
    serves, sentence = _state(host, release)
    if not serves:
        raise FailedError(sentence)
    return sentence


def _state(host: Host, release: str) -> tuple[bool, str]:
    """Whether the release that is the champion answers clients, as a sentence too: it is looked at, not supposed."""
    try:
        if readiness.holds(host.serves):
            return True, f"release {release} serves 100 %"
    except PipelineError as problem:
        return False, f"release {release} is the champion, but whether it serves is not known: {problem}"
    return False, f"release {release} is the champion, but nothing answers on its port; look at the host's containers"


def _bring_up(deployment: Deployment, host: Host) -> None:
    deployment.say(f"starting release {deployment.release.id} without traffic")
    host.start(deployment.release)
    rollout.smoke_test(deployment.release, host)
    deployment.say(f"ready; {len(deployment.release.golden)} golden rows answered exactly as in training")
