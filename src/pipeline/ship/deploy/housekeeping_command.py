"""`pipeline backup`, `pipeline restore` and `pipeline clean`: a host's state, and what it no longer needs."""

from pathlib import Path

import click

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.ship.deploy import backup as backups
from pipeline.ship.deploy import clean as cleaning
from pipeline.ship.deploy.command import deployer, deployment_of, run_deployment, target_options, verify_release
from pipeline.ship.deploy.docker.volumes import Volumes
from pipeline.ship.release import ledger
from pipeline.ship.release.docker_cli import Docker
from pipeline.ship.release.manifest import Release


@click.command(short_help="Write a host's ledger and records of releases to a file.")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@target_options
def backup(path: Path, kind: str, host: str | None) -> None:
    """Write the ledger and the records of releases to FILE, with which `pipeline restore FILE` rebuilds a lost host."""
    bounds = params.section(params.Deploy)
    volumes = Volumes(Docker(host), bounds, deployer())
    if not volumes.exist():
        raise PipelineError(f"backup: nothing was deployed to this host as {bounds.name}; is --host right?")
    state = volumes.call("state")
    release = backups.write(path, state, bounds)
    entries = ledger.parse(state.get(ledger.FILE, "").split("\n"), ledger.FILE)
    click.echo(f"backup: {path}: {len(entries):,} entries of the ledger; release {release} serves")


@click.command(short_help="Bring back the model's files, or with FILE a lost host.")
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--key", help="Public key of the signature: a file, env://NAME or a KMS address.")
@click.option("--attested", "repository", metavar="OWNER/NAME", help="Without a key: who attested the image on GitHub.")
@click.option("--unsigned", is_flag=True, help="Start an unsigned image: for a trial on your own machine.")
@target_options
def restore(
    path: Path | None, key: str | None, repository: str | None, unsigned: bool, kind: str, host: str | None
) -> None:
    """Without FILE: fetch what the monitor compares with, as dvc.lock names it, from the cache or DVC, or retrained.

    With FILE, which `pipeline backup` wrote: rebuild a host that is lost, from it and the registry.
    """
    if path is None:
        from pipeline.ship.release import locked_model

        click.echo(f"restored: {', '.join(locked_model.acquire(needed=locked_model.MONITOR_OUTPUTS))}")
        return
    if key is None and repository is None and not unsigned:
        raise PipelineError(
            "restore: needs --key cosign.pub or --attested OWNER/NAME to verify who made the image "
            "(or --unsigned for a trial)"
        )
    state, release, time = backups.read(path, params.section(params.Deploy))
    deployment = deployment_of(release, kind, host)

    def verify(release: Release) -> None:
        verify_release(release, key, repository, golden_may_differ=True)

    run_deployment(lambda: backups.restore(state, time, deployment, verify))


@click.command(short_help="Remove what a host no longer needs; dry without --apply.")
@click.option("--log", metavar="URL", help="A copy of the log, cleaned by serve.log.keep_days in place of a host.")
@click.option("--apply", is_flag=True, help="Remove it; without this the command only says what would go.")
@target_options
def clean(log: str | None, apply: bool, kind: str, host: str | None) -> None:
    """Remove old images, log folders and failed candidates; what serves and what a rollback needs at once stays."""
    days = params.section(params.Serve).log.keep_days
    if log is None:
        bounds, docker = params.section(params.Deploy), Docker(host)
        volumes = Volumes(docker, bounds, deployer())
        if not volumes.exist():
            raise PipelineError(f"clean: nothing was deployed to this host as {bounds.name}; is --host right?")
        read = params.section(params.Monitor).days or cleaning.UNREAD
        leftovers = cleaning.on_host(docker, bounds, volumes, days, read)
    elif days is None:
        raise PipelineError("clean: --log needs serve.log.keep_days in params.yaml, which is null: all files are kept")
    else:
        leftovers = cleaning.in_copy(log, days)
    for leftover in leftovers:
        if apply:
            leftover.remove()
        click.echo(f"{'removed' if apply else 'would remove'} {leftover.what}")
    click.echo(f"clean: {_summary(len(leftovers), apply=apply)}")


def _summary(count: int, *, apply: bool) -> str:
    if not count:
        return "nothing to remove"
    return f"{count:,} removed" if apply else f"{count:,} to remove; nothing was removed: --apply does it"
