"""`pipeline announce`: say on the pull request that it is being measured, or waits for a runner."""

import time
from collections.abc import Sequence
from dataclasses import replace

import click

from pipeline.core import params, pipelines
from pipeline.github.client import api, posting, pulls, statuses
from pipeline.github.client.numbers import Number
from pipeline.github.client.posting import Marker
from pipeline.github.client.pulls import NothingToDoError, Pull, Run
from pipeline.github.pull_request import overrides
from pipeline.github.pull_request.changes import Changes
from pipeline.github.pull_request.touched import is_touched
from pipeline.review.comment import render

VERDICTS = frozenset({"success", "failure"})
QUEUED = frozenset({"queued", "waiting", "pending", "requested"})


@click.command()
@click.option("--run", "number", type=Number(), required=True, metavar="ID", help="Run of train.yaml.")
@click.option("--wait", type=float, default=180, show_default=True, help="Seconds until a queued job is explained.")
@click.option("--every", type=float, default=10, show_default=True, help="Seconds between two checks.")
def command(number: int, wait: float, every: float) -> None:
    """Post that the run measures the pull request; where no runner takes its job, name the labels that it needs."""
    try:
        run = pulls.run(number)
        if run.conclusion == pulls.UNAPPROVED:
            raise NothingToDoError(f"run {number}: waits for a person's approval; it is announced when it starts")
        if run.ended:
            raise NothingToDoError(f"run {number}: has ended; `pipeline answer` posts the report")
        announce(run)
        labels = wait_for_runner(run, wait, every)
        if labels:
            announce(run, labels)
            click.echo(f"no runner has taken the job within {wait:g} s; it waits for {', '.join(labels)}")
    except NothingToDoError as reason:
        click.echo(str(reason))


def announce(run: Run, labels: Sequence[str] | None = None) -> None:
    """Announce the run for each pipeline that the pull request touches; NothingToDoError where it can for none."""
    changes, all_pipelines = Changes.of(pulls.of_run(run)), pipelines.find()
    reasons, announced = list[NothingToDoError](), False
    for pipeline in pipelines.each():
        if not is_touched(pipeline, all_pipelines, replace(changes, folder=pipeline.folder)):
            continue
        try:
            click.echo(f"announced: {announce_pipeline(run, labels)}")
            announced = True
        except NothingToDoError as reason:
            reasons.append(reason)
    if reasons and not announced:
        raise reasons[0]


def announce_pipeline(run: Run, labels: Sequence[str] | None = None) -> str:
    """Post or update the comment and set the status; the pull request is read again before each of them."""
    name = params.read().name or ""
    marker = Marker(run.id, run.attempt, run.head, "waiting", name)
    text = render.of_pipeline(render.announcement(run.url, labels, run.head), name)
    url = posting.post(pulls.of_run(run).number, marker, text)
    pull = pulls.of_run(run)
    if _is_undecided(pull, marker):
        labels = job_state(run)[1] if labels else None  # a runner may have taken the job since
        description = f"waiting for a runner: {', '.join(labels)}" if labels else "being measured"
        statuses.post(pull.head, "pending", description, url)
    return url


def _is_undecided(pull: Pull, marker: Marker) -> bool:
    """Whether the head has no final status: no override, no verdict, and no answer that came meanwhile."""
    comment = posting.find_comment(pull.number, marker.pipeline)
    if comment and marker.is_older_than(comment.marker):
        return False
    if overrides.active(pull.number, {pull.head}):
        return False
    status = statuses.current(pull.head) or {}
    return status.get("state") not in VERDICTS or overrides.is_override_status(status)


def wait_for_runner(run: Run, wait: float, every: float) -> list[str] | None:
    """The labels of the run's queued job where no runner takes it in time; None as soon as one does."""
    end = time.monotonic() + wait
    while True:
        taken, labels = job_state(run)
        if taken:
            return None
        if time.monotonic() + every > end:
            return labels
        time.sleep(every)


def job_state(run: Run) -> tuple[bool, list[str] | None]:
    """Whether a runner has taken the run's job, and the labels of the job that waits."""
    jobs = list(api.pages(f"actions/runs/{run.id}/jobs", purpose="read the run's jobs", key="jobs", limit=3))
    waiting = [job for job in jobs if job["status"] in QUEUED]
    if jobs and (not waiting or any(job["status"] == "in_progress" for job in jobs)):
        return True, None
    return False, [str(label) for label in waiting[0]["labels"]] if waiting else None
