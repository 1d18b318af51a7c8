"""`pipeline deploy`, `rollback` and `history`, and a person's switches: `promote`, `freeze` and `unfreeze`."""

import getpass
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy import deploy as deploying
from pipeline.ship.deploy import switches
from pipeline.ship.deploy.deployment import Deployment
from pipeline.ship.deploy.docker.host import DockerTarget
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.switches import Person, check_step
from pipeline.ship.deploy.target import Target
from pipeline.ship.release import ledger, manifest, neighbours
from pipeline.ship.release.manifest import Release

PAUSE_AT = click.option(
    "--pause-at", type=int, metavar="SHARE", help="Stay at this step of deploy.steps until `pipeline promote`."
)
TARGETS: dict[str, Callable[[str | None, Deploy, int], Target]] = {"docker": DockerTarget}


def target_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name the target."""
    function = click.option("--host", help="Docker: tcp://..., ssh://user@host (default: DOCKER_HOST, else local).")(
        function
    )
    return click.option("--target", "kind", type=click.Choice(list(TARGETS)), default="docker", show_default=True)(
        function
    )


@click.command(short_help="Put a release into production, or keep the champion and say why.")
@click.option("--release", "path", type=click.Path(path_type=Path), default=manifest.PATH, show_default=True)
@click.option("--key", help="Public key of the signature: a file, env://NAME or a KMS address.")
@click.option("--attested", "repository", metavar="OWNER/NAME", help="Without a key: who attested the image on GitHub.")
@click.option("--unsigned", is_flag=True, help="Deploy an unsigned image: for a trial on your own machine.")
@PAUSE_AT
@target_options
def deploy(
    path: Path,
    key: str | None,
    repository: str | None,
    unsigned: bool,
    pause_at: int | None,
    kind: str,
    host: str | None,
) -> None:
    """Verify, start, test and replay, then judge each step of live traffic; exit 1 where the champion stays."""
    if key is None and repository is None and not unsigned:
        raise PipelineError(
            "deploy: needs --key cosign.pub or --attested OWNER/NAME to verify who made the image "
            "(or --unsigned for a trial)"
        )
    check_step(pause_at, params.section(params.Deploy))
    neighbours.check()
    deployment = deployment_of(manifest.read(path), kind, host, pause_at)
    run_deployment(lambda: deploying.deploy(deployment, lambda release: verify_release(release, key, repository)))


@click.command(short_help="Return to a release that served before, in seconds.")
@click.argument("release", required=False)
@target_options
def rollback(release: str | None, kind: str, host: str | None) -> None:
    """Start the release that served before the champion (or RELEASE), test it, and give it all traffic."""
    from pipeline.ship.deploy.rollback import rollback as roll_back

    bounds = params.section(params.Deploy)
    target = _target(kind, host)
    run_deployment(lambda: roll_back(target, bounds, release, click.echo, _recorder(), deployer()))


@click.command(short_help="Let a paused canary go on.")
@click.argument("reason", default="")
@PAUSE_AT
@target_options
def promote(reason: str, pause_at: int | None, kind: str, host: str | None) -> None:
    """Let a paused canary go on with its next step, judged as ever; REASON goes into the ledger.

    Where its deployer has ended, this command takes its place, and exits 1 where the champion stays.
    """
    bounds = params.section(params.Deploy)
    run_deployment(lambda: switches.promote(_person(kind, host, reason), bounds, _recorder(), pause_at))


@click.command(short_help="Refuse deployments, and end one that is under way.")
@click.argument("reason")
@target_options
def freeze(reason: str, kind: str, host: str | None) -> None:
    """Refuse deployments until `pipeline unfreeze`; REASON is what they are refused with. A rollback still works.

    A canary that is under way gives the champion all traffic at its next look.
    """
    switches.freeze(_person(kind, host, reason))


@click.command(short_help="Allow deployments again.")
@click.argument("reason", default="")
@target_options
def unfreeze(reason: str, kind: str, host: str | None) -> None:
    """Allow deployments again after `pipeline freeze`; REASON goes into the ledger."""
    switches.unfreeze(_person(kind, host, reason))


@click.command(short_help="Show what served when.")
@target_options
def history(kind: str, host: str | None) -> None:
    """One line for each deployment and each freeze, the newest last."""
    target = _target(kind, host)
    table = ledger.rows(target.history(), in_progress=target.is_locked())
    if not table:
        click.echo("nothing was deployed yet")
    for row in table:
        until = f" until {row.until}" if row.until else ""
        reason = f": {row.reason}" if row.reason else ""
        click.echo(f"{row.started}  {row.release}  {row.commit:7}  {row.state}{until}{reason}  ({row.verdict})")


def deployer() -> str:
    """The person or workflow run that deploys, for the lock and the ledger."""
    if run := os.environ.get("GITHUB_RUN_ID"):
        actor = os.environ.get("GITHUB_TRIGGERING_ACTOR") or os.environ.get("GITHUB_ACTOR") or "GitHub"
        return f"{actor} run {run}"  # who runs it again is responsible
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return socket.gethostname()


def _target(kind: str, host: str | None) -> Target:
    return TARGETS[kind](host, params.section(params.Deploy), params.section(params.Serve).max_body)


def deployment_of(release: Release, kind: str, host: str | None, pause_at: int | None = None) -> Deployment:
    bounds = params.section(params.Deploy)
    return Deployment(release, _target(kind, host), bounds, click.echo, _recorder(), deployer(), pause_at)


def _person(kind: str, host: str | None, reason: str) -> Person:
    return Person(_target(kind, host), deployer(), reason, click.echo)


def _recorder() -> Recorder:
    return Recorder(params.read().environment, deployer(), click.echo)


def run_deployment(action: Callable[[], None]) -> None:
    """Run a deployment or a rollback; exit 1 where it failed and the champion stayed."""
    try:
        action()
    except deploying.FailedError as failure:
        click.echo(f"failed: {failure}", err=True)
        click.get_current_context().exit(1)


def verify_release(
    release: Release, key: str | None, repository: str | None, *, golden_may_differ: bool = False
) -> None:
    """PipelineError unless the image is signed or attested, and release.json is the one that was attested.

    `golden_may_differ`: of a host's record `pipeline forget` takes golden rows.
    """
    if key is None and repository is None:
        click.echo("warning: the image's signature is not verified (--unsigned)")
        return
    from pipeline.ship.release import attestations

    attested = attestations.verify_release(release.image, key, repository)
    if attested.model_copy(update={"golden": release.golden} if golden_may_differ else {}) != release:
        raise PipelineError(f"{release.image}: refused: release.json is not the one that was signed with it")
    click.echo("signature verified")
