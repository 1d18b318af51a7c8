"""`make run`: look at the source, run what changed, log it, judge it, and say where to look."""

import os
import sys
import time
from pathlib import Path

import click

from pipeline import files, params
from pipeline.data import fetch
from pipeline.errors import PipelineError
from pipeline.tasks import METRICS


@click.command()
@click.option("--force", is_flag=True, help="Run every stage again.")
def command(force: bool) -> None:
    """Fetch, run what changed, log it to MLflow, judge it."""
    start = time.perf_counter()
    knobs = params.read()
    look_at_source(knobs.data)
    ran = reproduce(force)
    log_run()
    click.echo(headline(knobs, ran, time.perf_counter() - start))


def look_at_source(data: params.Data) -> None:
    """Record the source's fingerprint; where it can't be reached, the recorded one stands and that is said."""
    try:
        if fetch.refresh(data):
            click.echo(f"source: {data.source} has new content; recorded in data/source.json")
    except fetch.Unreachable as error:
        click.echo(f"warning: {error}; going on with the recorded fingerprint", err=True)


def reproduce(force: bool = False) -> list[str]:
    """Run `dvc repro` and return the names of the stages that ran; PipelineError where one failed."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.ui import ui

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    ui.enable()
    try:
        return [stage.addressing for stage in Repo().reproduce(force=force)]
    except DvcException as error:
        cause = error.__cause__ or error
        raise PipelineError(
            f"{error}: {' '.join(str(cause).split())}; the line above says why, dvc.lock is as it was for that stage"
        ) from None


def log_run() -> None:
    from pipeline.tracking import track as tracking

    if tracking.pending():
        tracking.track()


def headline(knobs: params.Params, ran: list[str], seconds: float) -> str:
    """What a person reads last: what ran, the metrics with their intervals, where to look."""
    metrics = files.read_json(Path("reports/metrics.json"))
    did = f"{len(ran)} of the stages ran" if ran else "Nothing has changed: no stage ran"
    lines = [
        f"{did} ({seconds:.0f} s).",
        *(
            f"  {name:<20}{found['value']:>10.4f}   {knobs.evaluate.confidence:.0%} interval "
            f"{found['lower']:.4f} to {found['upper']:.4f}"
            for name, found in ((name, metrics.get(name)) for name in METRICS[knobs.task.type])
            if found and found["value"] is not None
        ),
    ]
    return "\n".join(lines)
