"""One reproduction of the pipeline: look at the source, run the stages that something has changed for."""

import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from pipeline.core import conflicts, params
from pipeline.core.errors import PipelineError
from pipeline.data.contract import schema
from pipeline.data.source import fetch

LOCK = Path("dvc.lock")
# What DVC says between the stages that helps nobody here.
CHATTER = ("Generating lock file", "Updating lock file", "\nTo track the changes", "\nTo enable auto staging")


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


def reproduce(heard: Callable[[str], None], *, force: bool = False) -> list[str]:
    """Run `dvc repro` and return the names of the stages that ran; PipelineError where one failed.

    `heard` is called with each line that DVC says.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.ui import ui

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    conflicts.check()
    ui.enable()
    for handler in logging.getLogger("dvc").handlers:
        handler.addFilter(functools.partial(_listen, heard))
    try:
        return [stage.addressing for stage in Repo().reproduce(force=force)]
    except DvcException as error:
        raise PipelineError(_explain(error)) from None


def _listen(heard: Callable[[str], None], record: logging.LogRecord) -> bool:
    """Whether DVC's line is worth showing."""
    message = record.getMessage()
    heard(message)
    return not message.startswith(CHATTER)


def _explain(error: Exception) -> str:
    """One line for a failed `dvc repro`; a stage has said by itself what is wrong."""
    from dvc.stage.exceptions import StageCmdFailedError

    cause = error.__cause__
    if isinstance(cause, StageCmdFailedError):
        stage = str(error).removeprefix("failed to reproduce ")
        return f"stage {stage} failed and said why above; nothing of it was recorded: mend that and run again"
    told = " ".join(f"{error}{': ' + str(cause) if cause else ''}".split())
    return f"{told}; free some space and run again" if "No space left" in told else told
