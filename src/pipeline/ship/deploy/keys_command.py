"""`pipeline keys`: who may ask the service by an API key."""

import click

from pipeline.core import params
from pipeline.ship.deploy.command import deployer
from pipeline.ship.deploy.docker.host import DockerTarget

host_option = click.option("--host", help="tcp://..., ssh://user@host (default: DOCKER_HOST, else local).")


@click.group(short_help="Add, list or remove the API keys of a host.")
def command() -> None:
    """API keys of the service on a host, for `deploy.access.keys`: they are in force at once, without a restart."""


@command.command()
@click.argument("name")
@host_option
def add(name: str, host: str | None) -> None:
    """Make a key and print it, this once; a second one of the same NAME takes the first one's place in peace."""
    key, in_force = _target(host).keys(deployer()).add(name)
    click.echo(key)
    _say(f"{name} has a new key; only its hash is kept", in_force=in_force)


@command.command("list")
@host_option
def list_keys(host: str | None) -> None:
    """Show each key's id, its name and the day that it was made."""
    keys = _target(host).known_keys()
    if not keys:
        click.echo("no keys")
    for key in keys:
        click.echo(f"{key.id}  {key.added}  {key.name}")


@command.command()
@click.argument("name", metavar="NAME|ID")
@host_option
def remove(name: str, host: str | None) -> None:
    """Withdraw the keys of a name, or the one with that id."""
    removed, in_force = _target(host).keys(deployer()).remove(name)
    for key in removed:
        click.echo(f"removed {key.id}  {key.added}  {key.name}")
    _say(f"{len(removed)} withdrawn", in_force=in_force)


def _say(sentence: str, *, in_force: bool) -> None:
    """Say it beside the output, which may be kept: a key is."""
    rest = "in force now" if in_force else "the proxy asks for keys once deploy.access.keys is true and it is deployed"
    click.echo(f"{sentence}; {rest}", err=True)


def _target(host: str | None) -> DockerTarget:
    return DockerTarget(host, params.section(params.Deploy), params.section(params.Serve).max_body)
