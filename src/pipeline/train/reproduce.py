"""One reproduction of the pipeline: refresh the source's fingerprint, then run the stages whose inputs have changed."""

import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from pipeline.core import dvc_repo, params
from pipeline.core.errors import PipelineError
from pipeline.data.contract import schema, target, widening
from pipeline.data.source import fetch
from pipeline.features import checkout, package

LOCK = Path("dvc.lock")
# How the lines begin that DVC logs between the stages and that are of no use here.
HIDDEN = ("Generating lock file", "Updating lock file", "\nTo track the changes", "\nTo enable auto staging")


def check_names(knobs: params.Params) -> None:
    """Refuse, before any work, columns in params.yaml that the data contract does not have, retired columns that are
    features, a task that does not fit the target's, and feature code that can't be used."""
    contract = schema.read(schema.PATH)
    if not package.FOLDER.is_dir():
        raise PipelineError(f"{package.FOLDER}: no such folder; create it with an empty __init__.py")
    derived = checkout.unfitted(contract, knobs.data, knobs.task, knobs.features).features
    unknown, retired = schema.unknown_columns(knobs, contract, derived), schema.retired_features(knobs, contract)
    if problems := [*unknown, *retired, *target.contract_problems(knobs.task, contract)]:
        raise PipelineError("\n".join(problems))


def retraining_problems(knobs: params.Params) -> list[str]:
    """A line for each column that the log leaves out and the contract requires, where rows are to be added."""
    if knobs.data.added is None:
        return []
    roles = (knobs.data.key, knobs.task.target, knobs.split.time)
    return widening.unlogged(schema.read(schema.PATH), (), knobs.serve.log.omit, roles)


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
    from dvc.ui import ui

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    ui.enable()
    for handler in logging.getLogger("dvc").handlers:
        handler.addFilter(functools.partial(_is_shown, on_line))
    with dvc_repo.opened() as repo:
        with repo.lock:
            dvc_repo.check_folders(repo)
            damaged = dvc_repo.remove_altered(repo)
        return [stage.addressing for stage in repo.reproduce(force=force or damaged)]


def _is_shown(on_line: Callable[[str], None], record: logging.LogRecord) -> bool:
    """Pass DVC's line to `on_line`; whether it is worth showing."""
    message = record.getMessage()
    on_line(message)
    return not message.startswith(HIDDEN)
