"""`make run`: look at the source, run what changed, log it, judge it, and say where to look."""

import hashlib
import logging
import os
import sys
import time
from pathlib import Path

import click

from pipeline import files, params
from pipeline.data import fetch
from pipeline.errors import PipelineError
from pipeline.tasks import METRICS

METRICS_FILE, LOCK, JUDGED = Path("reports/metrics.json"), Path("dvc.lock"), Path(".pipeline/judged.json")
# What DVC says between the stages that helps nobody here.
CHATTER = ("Generating lock file", "Updating lock file", "\nTo track the changes", "\nTo enable auto staging")


@click.command()
@click.option("--force", is_flag=True, help="Run every stage again.")
def command(force: bool) -> None:
    """Fetch, run what changed, log it to MLflow, judge it."""
    start = time.perf_counter()
    knobs = params.read()
    look_at_source(knobs.data)
    ran = reproduce(force)
    log_run()
    judged = judge(knobs)
    did = f"{len(ran)} stages ran" if ran else "Nothing has changed: no stage ran"
    click.echo(f"\n{click.style(did, bold=True)} ({time.perf_counter() - start:.0f} s)\n")
    for line in [*headline(knobs), "", *judged, "", *where_to_look()]:
        click.echo(line)


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
    for handler in logging.getLogger("dvc").handlers:
        handler.addFilter(lambda record: not record.getMessage().startswith(CHATTER))
    try:
        return [stage.addressing for stage in Repo().reproduce(force=force)]
    except DvcException as error:
        raise PipelineError(_explain(error)) from None


def log_run() -> None:
    """Log what MLflow lacks; a server that is down is said and changes nothing here."""
    from pipeline.tracking import track

    if track.pending():
        track.track()


def judge(knobs: params.Params) -> list[str]:
    """The verdict and the rules that did not pass; judged again only where the model, the gate or main has changed."""
    from pipeline.gate import champion

    bases = champion.git(Path(), "rev-parse", *champion.BASES, knobs.gate.reference or "HEAD").stdout
    state = hashlib.sha256(LOCK.read_bytes() + knobs.gate.model_dump_json().encode() + bases.encode()).hexdigest()
    if JUDGED.is_file() and (known := files.read_json(JUDGED))["state"] == state:
        return list(known["lines"])
    from pipeline.gate import command as gate

    verdict = gate.decide()
    files.write_json(gate.VERDICT, verdict.data())
    lines = gate.summary(verdict)
    files.write_json(JUDGED, {"state": state, "lines": lines})
    return lines


def headline(knobs: params.Params) -> list[str]:
    """The task's metrics with their intervals."""
    metrics = files.read_json(METRICS_FILE)
    confidence = f"{knobs.evaluate.confidence:.0%} interval"
    found = [(name, metrics[name]) for name in METRICS[knobs.task.type] if metrics.get(name)]
    return [
        f"  {name:<18}{one['value']:>12.4f}   {confidence} {one['lower']:.4f} to {one['upper']:.4f}"
        for name, one in found
        if one["value"] is not None
    ]


def where_to_look() -> list[str]:
    return [
        "  reports/model_card.md   the model, its metrics, slices, fairness and limits",
        "  make gate               every rule of the gate",
        "  make ui                 all runs in MLflow",
        "  dvc.lock, reports/metrics.json, data/source.json   commit them with your change",
    ]


def _explain(error: Exception) -> str:
    """One line for a failed `dvc repro`; a stage has said by itself what is wrong."""
    from dvc.stage.exceptions import StageCmdFailedError

    cause = error.__cause__
    if isinstance(cause, StageCmdFailedError):
        stage = str(error).removeprefix("failed to reproduce ")
        return f"stage {stage} failed and said why above; nothing of it was recorded: mend that and run again"
    return " ".join(f"{error}{': ' + str(cause) if cause else ''}".split())
