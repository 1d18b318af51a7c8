"""The options that the commands on the prediction log share."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click


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
        envvar="PIPELINE_LOG_URL",
        show_envvar=True,
        help="Folder or URL of the prediction log (default: monitor.log).",
    )
    labels = click.option(
        "--labels",
        envvar="PIPELINE_LABELS_URL",
        show_envvar=True,
        help="Labels that came later: CSV or Parquet (default: monitor.labels).",
    )
    return log(labels(function))
