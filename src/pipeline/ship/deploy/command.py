"""`pipeline deploy`, `pipeline rollback` and `pipeline history`."""

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
from pipeline.ship.deploy import deploy as deployment
from pipeline.ship.deploy import ledger
from pipeline.ship.deploy.docker.host import DockerTarget
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.rollout import Deployment
from pipeline.ship.deploy.targets import Target
from pipeline.ship.release import manifest
from pipeline.ship.release.manifest import Release

TARGETS: dict[str, Callable[[str | None, Deploy, int], Target]] = {"docker": DockerTarget}


def on_a_target(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where."""
    function = click.option("--host", help="Docker: tcp://..., ssh://user@host (default: DOCKER_HOST, else here).")(
        function
    )
    return click.option("--target", type=click.Choice(list(TARGETS)), default="docker", show_default=True)(function)


@click.command(short_help="Put a release into production, or back out with the reason.")
@click.option("--release", "path", type=click.Path(path_type=Path), default=manifest.PATH, show_default=True)
@click.option("--key", help="Public key of the signature: a file, env://NAME or a KMS address.")
@click.option("--attested", "repository", metavar="OWNER/NAME", help="Without a key: who attested the image on GitHub.")
@click.option("--unsigned", is_flag=True, help="Deploy an image that nobody signed: for a trial on your own machine.")
@on_a_target
def deploy(path: Path, key: str | None, repository: str | None, unsigned: bool, target: str, host: str | None) -> None:
    """Verify, start, test, replay, then the steps of live traffic, judged; exit 1 where the champion stays."""
    if key is None and repository is None and not unsigned:
        raise PipelineError(
            "deploy: needs --key cosign.pub or --attested OWNER/NAME, to verify who made the image "
            "(or --unsigned for a trial)"
        )
    given = _given(manifest.read(path), target, host)
    _run(lambda: deployment.deploy(given, lambda release: _verify(release, key, repository)))


@click.command(short_help="Return to a release that served before, in seconds.")
@click.argument("release", required=False)
@on_a_target
def rollback(release: str | None, target: str, host: str | None) -> None:
    """Start the release that served before the champion (or RELEASE), test it, and give it all traffic."""
    from pipeline.ship.deploy.rollback import rollback as back

    bounds = params.section(params.Deploy)
    place = _place(target, host)
    _run(lambda: back(place, bounds, release, click.echo, _recorder(bounds), who()))


@click.command(short_help="Show what served when.")
@on_a_target
def history(target: str, host: str | None) -> None:
    """One line for each deployment, the newest last."""
    place = _place(target, host)
    table = ledger.rows(place.history(), held=place.held())
    if not table:
        click.echo("nothing was deployed yet")
    for row in table:
        until = f" until {row.until}" if row.until else ""
        reason = f": {row.reason}" if row.reason else ""
        click.echo(f"{row.began}  {row.release}  {row.commit:7}  {row.state}{until}{reason}")


def who() -> str:
    """Who deploys, for the lock and the ledger."""
    if run := os.environ.get("GITHUB_RUN_ID"):
        return f"{os.environ.get('GITHUB_ACTOR', 'GitHub')} run {run}"
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return socket.gethostname()


def _place(target: str, host: str | None) -> Target:
    return TARGETS[target](host, params.section(params.Deploy), params.section(params.Serve).max_body)


def _given(release: Release, target: str, host: str | None) -> Deployment:
    bounds = params.section(params.Deploy)
    place = _place(target, host)
    return Deployment(release, place, bounds, click.echo, _recorder(bounds), who())


def _recorder(bounds: Deploy) -> Recorder:
    return Recorder(bounds.environment, who(), click.echo)


def _run(work: Callable[[], None]) -> None:
    """Exit 1 where the champion stayed; what could not even begin is an error."""
    try:
        work()
    except deployment.FailedError as failure:
        click.echo(f"failed: {failure}", err=True)
        click.get_current_context().exit(1)


def _verify(release: Release, key: str | None, repository: str | None) -> None:
    """PipelineError unless the image is signed or attested, and the attestation says what release.json says."""
    if key is None and repository is None:
        click.echo("warning: the image's signature is not verified (--unsigned)")
        return
    from pipeline.ship.release.attestations import proven

    if proven(release.image, key, repository) != release:
        raise PipelineError(f"{release.image}: refused: release.json is not the one that was signed with it")
    click.echo("signature verified")
