"""`pipeline answer`: judge a train run's measurement by main's code and bounds, and answer the pull request."""

import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

import click

from pipeline.core.errors import PipelineError
from pipeline.github.client import api, posting, pulls, statuses, steps
from pipeline.github.client.numbers import Number
from pipeline.github.client.posting import Marker
from pipeline.github.client.pulls import NothingToDoError, Pull, Run
from pipeline.github.pull_request import artifact, overrides, reply
from pipeline.github.pull_request.reply import Reply
from pipeline.review.comment import render

POLL_INTERVAL = 5  # seconds, while a run is about to end
GONE = frozenset({404, 410})  # of an artifact that GitHub no longer has
# Why a run measured nothing, by its conclusion, and what to do.
UNMEASURED = {
    "cancelled": "the run was cancelled (or ran out of time); re-run it",
    "skipped": "the run was skipped, as no condition of a job was met: compare this branch's train.yaml with main's",
    "stale": "GitHub gave the run up before it ended; re-run it",
    "neutral": "the run ended without a result; re-run it",
    "startup_failure": "GitHub could not start the run: is this branch's train.yaml valid? Otherwise re-run it",
}


@click.command()
@click.option("--run", "number", type=Number(), metavar="ID", help="Run of train.yaml that has ended.")
@click.option(
    "--pull-request", type=Number(), metavar="N", help="Answer by the latest run of this pull request's head."
)
@click.option("--wait", type=float, default=120, show_default=True, help="Seconds that the run may take to end.")
def command(number: int | None, pull_request: int | None, wait: float) -> None:
    """Post the report on the pull request of a train run and set the status `gate`."""
    if (number is None) == (pull_request is None):
        raise click.UsageError("give either --run or --pull-request")
    try:
        run, pull = _run_and_pull(number, pull_request, wait)
        reason = UNMEASURED.get(run.conclusion or "")
        answer(run, pull, reply_to_unmeasured(run, pull, reason) if reason else judge(run, pull))
    except NothingToDoError as reason:
        steps.output("record", "false")
        click.echo(str(reason))


def answer(run: Run, pull: Pull, reply_: Reply) -> None:
    """Post the comment and set the status; a refusal of either is raised after both were tried."""
    marker = Marker(run.id, run.attempt, run.head, "final")
    url, refusals = run.url, list[PipelineError]()
    steps.summary(reply_.text)
    try:
        url = posting.post(pull.number, marker, reply_.text)
    except api.RefusedError as problem:
        refusals.append(problem)
    override = overrides.active(pull.number, reply_.commits or {pull.head})  # perhaps set or withdrawn meanwhile
    state, description = reply_.final_status(override)
    try:
        statuses.post(pull.head, *reply_.initial_status(override), url)
    except api.RefusedError as problem:
        refusals.append(problem)
    steps.output("run", str(run.id))
    steps.output("record", "true" if reply_.recording == "bot" else "false")
    steps.output("artifact", str(reply_.artifact or ""))
    for name, value in {"state": reply_.state, "description": reply_.description, "url": url}.items():
        steps.output(name, statuses.shorten(value) if name == "description" else value)
    if refusals:
        raise PipelineError("\n".join(str(problem) for problem in refusals))
    click.echo(f"answered: {url} ({state}: {description})")


def reply_to_unmeasured(run: Run, pull: Pull, reason: str) -> Reply:
    """That the run measured nothing, where its head has no answer yet and no newer run follows."""
    comment = posting.find_comment(pull.number)
    answered = comment is not None and comment.marker.head == run.head and comment.marker.state == "final"
    if answered or pulls.has_newer_run(run):
        raise NothingToDoError(f"run {run.id}: was {run.conclusion}; nothing to answer")
    return Reply(render.broken(run.url, reason), "error", reason)


def judge(run: Run, pull: Pull) -> Reply:
    """The reply on the measurement; where that is unusable, one that says so. Its content is untrusted."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            artifacts = artifact.of_run(run)
            bundle = artifact.fetch(run, artifacts, Path(folder, "measurement"))
            judged = reply.of_bundle(bundle, run, pull, artifact.urls(run, artifacts))
            return replace(judged, artifact=artifacts[artifact.NAME].id)
    except NothingToDoError:
        raise
    except PipelineError as problem:
        if isinstance(problem, api.RefusedError) and problem.status not in GONE:
            raise  # the job lacks a permission, or GitHub is down: this says nothing about the measurement
        reason = str(problem).splitlines()[0]
    except Exception as problem:
        for line in traceback.format_exc().splitlines():
            # The prefix keeps untrusted text from being a workflow command, which begins with `::`.
            click.echo(f"| {line}", err=True)
        reason = f"the measurement can't be read ({type(problem).__name__})"
    return Reply(render.broken(run.url, reason), "error", f"no usable measurement: {reason}")


def _run_and_pull(number: int | None, pull_request: int | None, wait: float) -> tuple[Run, Pull]:
    """The run and its pull request; NothingToDoError where the run measured nothing or the pull request is closed."""
    if pull_request is not None:
        run, pull = pulls.of_number(pull_request)
    else:
        assert number is not None
        run, pull = _wait_for_end(number, wait), None
    if not run.ended:
        raise NothingToDoError(f"run {run.id}: is {run.status}; it is answered when it has ended")
    if run.conclusion == pulls.UNAPPROVED:
        raise NothingToDoError(f"run {run.id}: waits for a person's approval; it is answered when it has run")
    return run, pull or pulls.of_run(run)


def _wait_for_end(number: int, wait: float) -> Run:
    """The run, after up to `wait` seconds: where its own last job starts the answer, it is about to end."""
    end = time.monotonic() + wait
    while not (run := pulls.run(number)).ended and time.monotonic() + POLL_INTERVAL < end:
        time.sleep(POLL_INTERVAL)
    return run
