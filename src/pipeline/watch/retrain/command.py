"""`pipeline retrain`: take newly labelled rows of the prediction log, and corrected labels, into the data."""

from datetime import datetime

import click

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.predictions.options import Moment, log_options
from pipeline.watch.retrain import outcome, summary, update_data
from pipeline.watch.retrain.outcome import Outcome


class Command(click.Command):
    """A command that leaves no outcome of a former run, not even where its options are wrong."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            outcome.write(Outcome(state="refused", sentence=error.format_message()))
            raise


@click.command(cls=Command, short_help="Take newly labelled rows into the data.")
@log_options
@click.option("--since", type=Moment(), help="Only rows answered since (default: the whole log).")
def command(log: str | None, labels: str | None, since: datetime | None) -> None:
    """Take labelled rows of the prediction log and corrected labels into the data.

    Writes batches of rows to data.added, and lists them in data/source.json.
    """
    outcome.PATH.unlink(missing_ok=True)  # a run that breaks off leaves no outcome of another one
    try:
        result = update_data.update(params.read(), log, labels, since, _say)
    except PipelineError as error:
        outcome.write(Outcome(state="refused", sentence="; ".join(str(error).splitlines())))
        raise
    outcome.write(result)
    click.echo(f"retrain: {result.sentence}")
    for line in summary.lines(result):
        click.echo(f"  {line}")


def _say(line: str) -> None:
    click.echo(f"retrain: {line}", err=True)
