"""`make run`: look at the source, run what changed, log it, judge it, and say where to look."""

import contextlib
import functools
import hashlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click

from pipeline import files, params
from pipeline.data import fetch, schema
from pipeline.errors import PipelineError
from pipeline.git import git
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
    check_names(knobs)
    look_at_source(knobs.data)
    ran = reproduce(force)
    log_run()
    judged = judge(knobs)
    did = f"{len(ran)} stages ran" if ran else "Nothing has changed: no stage ran"
    click.echo(f"\n{click.style(did, bold=True)} ({time.perf_counter() - start:.0f} s)\n")
    for line in [*headline(knobs), "", *judged, "", *where_to_look()]:
        click.echo(line)


def check_names(knobs: params.Params) -> None:
    """Refuse columns in params.yaml that the data contract does not have, before any work."""
    if wrong := schema.misnamed(knobs, schema.read(schema.PATH)):
        raise PipelineError("\n".join(wrong))


def look_at_source(data: params.Data) -> None:
    """Record the source's fingerprint; where it can't be reached, the recorded one stands and that is said."""
    try:
        if fetch.refresh(data):
            click.echo(f"source: {data.source} has new content; recorded in data/source.json")
    except fetch.Unreachable as error:
        click.echo(f"warning: {error}; going on with the recorded fingerprint", err=True)


def reproduce(force: bool = False, heard: Callable[[str], None] | None = None) -> list[str]:
    """Run `dvc repro` and return the names of the stages that ran; PipelineError where one failed.

    `heard` is called with each line that DVC says; without it what ends `make run` is prepared meanwhile.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.ui import ui

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    ui.enable()
    for handler in logging.getLogger("dvc").handlers:
        handler.addFilter(functools.partial(_listen, heard or _prepare_at_a_stage))
    try:
        return [stage.addressing for stage in Repo().reproduce(force=force)]
    except DvcException as error:
        raise PipelineError(_explain(error)) from None


def _listen(heard: Callable[[str], None], record: logging.LogRecord) -> bool:
    """Whether DVC's line is worth showing."""
    message = record.getMessage()
    heard(message)
    return not message.startswith(CHATTER)


def _prepare_at_a_stage(message: str) -> None:
    """From the first stage on this process waits, and prepares the end."""
    if message.startswith("Running stage"):
        _prepare()


@functools.cache
def _prepare() -> threading.Thread:
    thread = threading.Thread(target=_import_the_end, daemon=True)
    thread.start()
    return thread


def _import_the_end() -> None:
    """Import what logging and judging need; what can't be imported is said where it is used."""
    with contextlib.suppress(Exception):
        from pipeline.gate import command  # noqa: F401
        from pipeline.tracking import mlflow_runs

        mlflow_runs.load()


def log_run() -> None:
    """Log what MLflow lacks; a server that is down is said and changes nothing here."""
    from pipeline.tracking import track

    if track.pending():
        track.track()


def judge(knobs: params.Params) -> list[str]:
    """The verdict in short; judged again only where the model, the bounds, the judge or the champion has changed."""
    state = _state(knobs)
    if JUDGED.is_file() and (known := files.read_json(JUDGED))["state"] == state:
        return list(known["lines"])
    from pipeline.gate import command as gate

    verdict = gate.decide()
    files.write_json(gate.VERDICT, verdict.data())
    lines = gate.summary(verdict)
    if verdict.rules[0].verdict != "warn":  # a champion that can't be had now may be had next time
        files.write_json(JUDGED, {"state": state, "lines": lines})
    return lines


def _state(knobs: params.Params) -> str:
    """A hash of all that the verdict follows from."""
    from pipeline.gate import champion

    package = Path(__file__).parent
    code = [path.read_bytes() for area in ("gate", "evaluation") for path in sorted((package / area).glob("*.py"))]
    names = [*champion.BASES, *filter(None, [knobs.gate.reference])]
    commits = [git(Path(), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").stdout for name in names]
    parts = [LOCK.read_bytes(), knobs.gate.model_dump_json().encode(), *code, *(text.encode() for text in commits)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


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
    told = " ".join(f"{error}{': ' + str(cause) if cause else ''}".split())
    return f"{told}; free some space and run again" if "No space left" in told else told
