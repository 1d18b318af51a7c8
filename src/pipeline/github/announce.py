"""`pipeline announce`: say on the pull request that it is being measured, or that no runner takes it."""

import time
from collections.abc import Sequence

import click

from pipeline.github import api, posting, pulls, statuses
from pipeline.github.posting import Marker
from pipeline.github.pulls import NothingToDoError, Pull, Run
from pipeline.report import render

QUEUED = frozenset({"queued", "waiting", "pending", "requested"})


@click.command()
@click.option("--run", "number", type=int, required=True, metavar="ID", help="Run of train.yaml.")
@click.option("--wait", type=float, default=180, show_default=True, help="Seconds until a queued job is explained.")
@click.option("--every", type=float, default=10, show_default=True, help="Seconds between two looks.")
def command(number: int, wait: float, every: float) -> None:
    """Post that the run measures the pull request; where no runner takes its job, say what is waited for."""
    try:
        run = pulls.run(number)
        if run.ended:
            raise NothingToDoError(f"run {number}: has ended; `pipeline answer` posts the report")
        pull = pulls.of_run(run)
        url = announce(run, pull, None)
        click.echo(f"announced: {url}")
        labels = waited_for(run, wait, every)
        if labels:
            announce(run, pull, labels)
            click.echo(f"nobody has taken the job within {wait:g} s; it waits for {', '.join(labels)}")
    except NothingToDoError as reason:
        click.echo(str(reason))


def announce(run: Run, pull: Pull, labels: Sequence[str] | None) -> str:
    """Post or update the comment and set the status, unless a person has overruled it for this commit."""
    marker = Marker(run.id, run.attempt, run.head, "waiting")
    url = posting.post(pull.number, marker, render.announcement(run.url, labels, run.head))
    if not (statuses.LABEL in pull.labels and statuses.overruled(pull.head)):
        said = f"waiting for a runner: {', '.join(labels)}" if labels else "being measured"
        statuses.post(pull.head, "pending", said, url)
    return url


def waited_for(run: Run, wait: float, every: float) -> list[str] | None:
    """The labels of the run's queued job where nobody takes it in time; None as soon as somebody does."""
    end = time.monotonic() + wait
    while True:
        jobs = list(api.pages(f"actions/runs/{run.id}/jobs", to="read the run's jobs", key="jobs", limit=3))
        queued = [job for job in jobs if job["status"] in QUEUED]
        if jobs and (not queued or any(job["status"] == "in_progress" for job in jobs)):
            return None
        if time.monotonic() + every > end:
            return [str(label) for label in queued[0]["labels"]] if queued else None
        time.sleep(every)
