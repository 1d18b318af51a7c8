"""`pipeline each`, one command for every pipeline of the repository, and `pipeline matrix`, a job for each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.github.client import api, steps


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def command(arguments: tuple[str, ...]) -> None:
    """Call COMMAND in the folder of each pipeline, one after another; exits with the highest status of all."""
    pipelines.check_names()
    top = pipelines.top()
    statuses = []
    for folder in pipelines.folders():
        if folder:
            click.echo(f"\n{folder}: pipeline {' '.join(arguments)}")
        program = Path(sys.executable).with_name("pipeline")
        statuses.append(subprocess.run([program, *arguments], cwd=top / folder, check=False).returncode)
    click.get_current_context().exit(max(abs(status) for status in statuses))


@click.command()
@click.option("--uploaded", metavar="NAME", help="Only pipelines whose artifact NAME this run has uploaded.")
def matrix(uploaded: str | None) -> None:
    """List the repository's pipelines as the matrix of a workflow's job, in the step's output `matrix`.

    Each has its `folder`, empty at the top, and the `suffix` of its artifacts, empty without a name.
    """
    pipelines.check_names()
    entries = [{"folder": folder, "suffix": _suffix(folder)} for folder in pipelines.folders()]
    if uploaded:
        names = _uploaded()
        entries = [entry for entry in entries if f"{uploaded}{entry['suffix']}" in names]
    text = json.dumps(entries)
    steps.output("matrix", text)
    click.echo(text)


def _suffix(folder: str) -> str:
    """Of the pipeline's name; of its folder where its params.yaml is wrong, which stops its own job alone."""
    try:
        name = params.read(pipelines.top() / folder / params.PATH).name or ""
    except PipelineError:
        name = folder.rstrip("/").replace("/", "-")
    return f"-{name}" if name else ""


def _uploaded() -> set[str]:
    """The names of this run's artifacts."""
    run = os.environ.get("GITHUB_RUN_ID")
    if not run:
        raise PipelineError("pipeline matrix: --uploaded is for a workflow's run, which GITHUB_RUN_ID names")
    found = api.pages(f"actions/runs/{run}/artifacts", purpose="list the run's artifacts", key="artifacts")
    return {item["name"] for item in found if not item["expired"]}
