"""One reproduction of the pipeline: refresh the source's fingerprint, then run the stages whose inputs have changed."""

import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from pipeline.core import conflicts, params
from pipeline.core.errors import PipelineError
from pipeline.data.contract import schema, target, widening
from pipeline.data.source import fetch

LOCK = Path("dvc.lock")
# How the lines begin that DVC logs between the stages and that are of no use here.
HIDDEN = ("Generating lock file", "Updating lock file", "\nTo track the changes", "\nTo enable auto staging")


def check_names(knobs: params.Params) -> None:
    """Refuse columns in params.yaml that the data contract does not have, and a task that does not fit the target's,
    before any work."""
    contract = schema.read(schema.PATH)
    if problems := [*schema.unknown_columns(knobs, contract), *target.contract_problems(knobs.task, contract)]:
        raise PipelineError("\n".join(problems))
    if knobs.data.added is not None:
        roles = (knobs.data.key, knobs.task.target, knobs.split.time)
        for line in widening.unlogged(contract, (), knobs.serve.log.omit, roles):
            click.echo(f"warning: {line}", err=True)


def refresh_source(data: params.Data) -> None:
    """Record the source's fingerprint; where it can't be reached, print a warning and keep the recorded one."""
    try:
        if fetch.refresh(data):
            click.echo(f"source: {data.source} has new content; recorded in data/source.json")
    except fetch.UnreachableError as error:
        click.echo(f"warning: {error}; going on with the recorded fingerprint", err=True)


def reproduce(on_line: Callable[[str], None], *, force: bool = False) -> list[str]:
    """Run `dvc repro` and return the names of the stages that ran; PipelineError where one failed.

    `on_line` is called with each line that DVC logs.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.ui import ui

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    conflicts.check()
    ui.enable()
    for handler in logging.getLogger("dvc").handlers:
        handler.addFilter(functools.partial(_is_shown, on_line))
    try:
        return [stage.addressing for stage in Repo().reproduce(force=force)]
    except DvcException as error:
        raise PipelineError(_explain(error)) from None


def _is_shown(on_line: Callable[[str], None], record: logging.LogRecord) -> bool:
    """Pass DVC's line to `on_line`; whether it is worth showing."""
    message = record.getMessage()
    on_line(message)
    return not message.startswith(HIDDEN)


def _explain(error: Exception) -> str:
    """One line for a failed `dvc repro`; a stage has printed its own error."""
    from dvc.stage.exceptions import StageCmdFailedError

    cause = error.__cause__
    if isinstance(cause, StageCmdFailedError):
        stage = str(error).removeprefix("failed to reproduce ")
        return f"stage {stage} failed and said why above; nothing of it was recorded: fix the cause and run again"
    message = " ".join(f"{error}{': ' + str(cause) if cause else ''}".split())
    return f"{message}; free some space and run again" if "No space left" in message else message
