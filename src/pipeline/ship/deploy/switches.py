"""What a person may do beside a deployment: let a paused canary go on, freeze deployments, and allow them again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import PipelineError, listed
from pipeline.core.params import Deploy
from pipeline.ship.deploy import freezing
from pipeline.ship.deploy.deploy import confirm, finish, recording, try_and_promote
from pipeline.ship.deploy.deployment import Deployment, Say
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.rollback import last_image
from pipeline.ship.deploy.target import Host, Target
from pipeline.ship.release import ledger


@dataclass(frozen=True)
class Person:
    """Who acts on which host, and why; `say` prints what came of it."""

    target: Target
    by: str
    reason: str
    say: Say


def freeze(person: Person) -> None:
    """Refuse deployments from now on; one that is under way gives the champion all traffic at its next look."""
    if not person.reason.strip():
        raise PipelineError("freeze: the reason is empty; say why, those who are refused read it")
    _record(person, "freeze", lambda host: ledger.freeze_entry("frozen", host.ledger(), person.by, person.reason))
    person.say("frozen: deployments are refused until `pipeline unfreeze`; `pipeline rollback` works all the same")


def unfreeze(person: Person) -> None:
    """Allow deployments again."""
    if ledger.frozen(person.target.history()) is None:
        person.say("deployments are not frozen: nothing to do")
        return
    _record(person, "unfreeze", lambda host: ledger.freeze_entry("unfrozen", host.ledger(), person.by, person.reason))
    person.say("deployments are allowed again")


def promote(person: Person, bounds: Deploy, recorder: Recorder, pause_at: int | None) -> None:
    """Let a paused canary go on: tell its deployer or, where that has ended, take its place.

    PipelineError where none is paused, deployments are frozen, or `pause_at` is no later step.
    """
    check_step(pause_at, bounds, _paused(person.target.history())["percent"])
    if person.target.is_locked():
        _record(person, "promote", lambda host: _continue(host, person, pause_at))
        person.say("its deployer goes on; its output and `pipeline history` say how that ends")
        return
    with person.target.lock(_image(person.target, "promote"), person.by) as host:
        _take_up(person, host, bounds, recorder, pause_at)


def check_step(option: int | None, bounds: Deploy, after: int = 0) -> None:
    """PipelineError where `--pause-at` names no step behind the share `after`."""
    steps = [step for step in bounds.steps if step > after]
    if option is not None and option not in steps:
        allowed = f"allowed: {listed(map(str, steps))}" if steps else "no step is left to pause at"
        raise PipelineError(f"--pause-at: {option} is no step of deploy.steps that is still to come; {allowed}")


def _continue(host: Host, person: Person, pause_at: int | None) -> dict[str, Any]:
    """The entry that tells the deployer of a paused canary to go on."""
    freezing.refuse_if_frozen(host, "promote")
    paused = _paused(host.ledger())
    if paused["event"] != "paused":
        raise PipelineError(
            f"promote: the canary of release {paused['release']} goes on already; see `pipeline history`"
        )
    return ledger.continued(paused, person.by, person.reason, pause_at)


def _paused(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The entry of the canary that waits; PipelineError where none does."""
    entry = ledger.paused(entries)
    if entry is None:
        raise PipelineError("promote: no canary is paused on this host; `pipeline deploy --pause-at SHARE` pauses one")
    return entry


def _take_up(person: Person, host: Host, bounds: Deploy, recorder: Recorder, pause_at: int | None) -> None:
    """Continue a canary whose deployer has ended: started anew and tested again, it goes on with the next step."""
    freezing.refuse_if_frozen(host, "promote")
    paused, champion, release = _paused(host.ledger()), host.champion(), host.parked()
    if release is None or release.id != paused["release"]:
        raise PipelineError(f"promote: the host's record of release {paused['release']} is gone; deploy it again")
    host.reset()
    if champion == release.id:  # its deployer ended in the middle of the promotion
        recorder.reconcile(host)
        person.say(f"release {release.id} serves already: nothing to do")
        return
    after = paused["percent"]
    deployment = Deployment(release, person.target, bounds, person.say, recorder, person.by, pause_at, after)
    person.say(f"release {release.id} was paused at {after} %, and its deployer has ended: taking it up")
    with recording(deployment, host, champion, lambda: recorder.take_up(host, paused, person.reason)):
        try_and_promote(deployment, host, champion)
    person.say(confirm(host, release.id))
    finish(deployment, host, champion)


def _record(person: Person, command: str, make: Callable[[Host], dict[str, Any]]) -> None:
    """Add an entry to the ledger, beside a deployment that may be under way."""
    with person.target.beside(_image(person.target, command), person.by) as host:
        host.record(make(host))


def _image(target: Target, command: str) -> str:
    """An image that is on the host and was verified."""
    image = target.image() or last_image(target)
    if image is None:
        raise PipelineError(f"{command}: nothing was deployed yet; `pipeline deploy` deploys a release")
    return image
