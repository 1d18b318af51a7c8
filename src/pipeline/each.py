"""`pipeline each`: one command for every pipeline of the repository."""

import subprocess
import sys
from pathlib import Path

import click

from pipeline.core import pipelines


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def command(arguments: tuple[str, ...]) -> None:
    """Call COMMAND in the folder of each pipeline, one after another; exits with the highest status of all."""
    top = pipelines.top()
    statuses = []
    for folder in pipelines.folders():
        if folder:
            click.echo(f"\n{folder}: pipeline {' '.join(arguments)}")
        program = Path(sys.executable).with_name("pipeline")
        statuses.append(subprocess.run([program, *arguments], cwd=top / folder, check=False).returncode)
    click.get_current_context().exit(max(abs(status) for status in statuses))
