"""The options that the commands on the prediction log share, and the address that they give."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from pipeline.core import params, pipelines
from pipeline.predictions.damage import Input, InputUnreadableError

VARIABLES: dict[Input, str] = {"log": "PIPELINE_LOG_URL", "labels": "PIPELINE_LABELS_URL"}
DEPLOYMENT = "{deploy.name}"  # in an address: the parameter of that name, which differs between pipelines


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601, in UTC where it has no zone."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value} is not a time; write 2026-11-20 or 2026-11-20T08:00:00Z", param, ctx)
        try:
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError:
            self.fail(f"{value} is out of the range of dates in UTC", param, ctx)


def log_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options for the location of log and labels; their environment variables override params.yaml."""
    log = click.option(
        "--log",
        envvar=VARIABLES["log"],
        show_envvar=True,
        help="Folder or URL of the prediction log (default: monitor.log).",
    )
    labels = click.option(
        "--labels",
        envvar=VARIABLES["labels"],
        show_envvar=True,
        help="Labels that came later: CSV or Parquet (default: monitor.labels).",
    )
    return log(labels(function))


def own(address: str, kind: Input) -> str:
    """The address for the pipeline of the working directory: `{deploy.name}` stands for its parameter of that name.

    InputUnreadableError where one variable gives several pipelines the same address.
    """
    resolved = address.replace(DEPLOYMENT, params.section(params.Deploy).name)
    variable = VARIABLES[kind]
    if resolved == address == os.environ.get(variable) and len(pipelines.folders()) > 1:
        raise InputUnreadableError(
            kind,
            f"{variable}: is {address} for each pipeline of this repository; write {DEPLOYMENT} in it, which stands "
            f"for that parameter of each ({pipelines.PAGE})",
        )
    return resolved
