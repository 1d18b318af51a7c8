"""`pipeline answer`: judge a train run's measurement by main's code and bounds, and answer the pull request."""

import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

import click

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.github.client import api, posting, pulls, statuses, steps
from pipeline.github.client.numbers import Number
from pipeline.github.client.posting import Marker
from pipeline.github.client.pulls import NothingToDoError, Pull, Run
from pipeline.github.pull_request import artifact, final_statuses, overrides, reply
from pipeline.github.pull_request.changes import Changes
from pipeline.github.pull_request.final_statuses import FinalStatus
from pipeline.github.pull_request.reply import Reply
from pipeline.github.pull_request.touched import UNTOUCHED, is_touched
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
    except NothingToDoError as reason:
        steps.output("record", "false")
        click.echo(str(reason))
        return
    final, problems = answer_each(run, pull)
    steps.output("run", str(run.id))
    steps.output("record", "true" if any(status.record for status in final.values()) else "false")
    steps.output("statuses", final_statuses.dump(final))
    if problems:
        raise PipelineError("\n".join(str(problem) for problem in problems))


def answer_each(run: Run, pull: Pull) -> tuple[dict[str, FinalStatus], list[PipelineError]]:
    """Answer for each pipeline of main; the final statuses by their contexts, and what went wrong for any of them."""
    final, problems = dict[str, FinalStatus](), list[PipelineError]()
    changes, all_pipelines, unmeasured = Changes.of(pull), pipelines.find(), UNMEASURED.get(run.conclusion or "")
    for pipeline in pipelines.each():
        own = replace(changes, folder=pipeline.folder)
        try:
            if is_touched(pipeline, all_pipelines, own):
                reply_ = reply_to_unmeasured(run, pull, unmeasured) if unmeasured else judge(run, pull, own)
                final[statuses.own_context()] = answer(run, pull, reply_, problems)
            else:
                final[statuses.own_context()] = set_untouched(pull)
        except NothingToDoError as reason:
            click.echo(str(reason))
        except PipelineError as problem:
            problems.append(problem)
    return final, problems


def set_untouched(pull: Pull) -> FinalStatus:
    """Set the status of a pipeline that the pull request does not touch, without a comment."""
    status = FinalStatus(state="success", description=UNTOUCHED, url=pull.url)
    statuses.post(pull.head, status.state, status.description, status.url)
    click.echo(f"answered: {statuses.own_context()} ({status.state}: {status.description})")
    return status


def answer(run: Run, pull: Pull, reply_: Reply, refusals: list[PipelineError]) -> FinalStatus:
    """Post the comment and set the status of the working directory's pipeline; `refusals` gets what GitHub refused."""
    name = params.read().name or ""
    marker = Marker(run.id, run.attempt, run.head, "final", name)
    url, text, before = run.url, render.of_pipeline(reply_.text, name), len(refusals)
    steps.summary(text)
    try:
        url = posting.post(pull.number, marker, text)
    except api.RefusedError as problem:
        refusals.append(problem)
    override = overrides.active(pull.number, reply_.commits or {pull.head})  # perhaps set or withdrawn meanwhile
    state, description = reply_.final_status(override)
    try:
        statuses.post(pull.head, *reply_.initial_status(override), url)
    except api.RefusedError as problem:
        refusals.append(problem)
    if len(refusals) == before:
        click.echo(f"answered: {url} ({state}: {description})")
    return FinalStatus(
        state=reply_.state,
        description=statuses.shorten(reply_.description),
        url=url,
        record=reply_.recording == "bot",
        artifact=reply_.artifact,
    )


def reply_to_unmeasured(run: Run, pull: Pull, reason: str) -> Reply:
    """That the run measured nothing, where its head has no answer yet and no newer run follows."""
    comment = posting.find_comment(pull.number, params.read().name or "")
    answered = comment is not None and comment.marker.head == run.head and comment.marker.state == "final"
    if answered or pulls.has_newer_run(run):
        raise NothingToDoError(f"run {run.id}: was {run.conclusion}; nothing to answer")
    return Reply(render.broken(run.url, reason), "error", reason)


def judge(run: Run, pull: Pull, changes: Changes) -> Reply:
    """The reply on the measurement; where that is unusable, one that says so. Its content is untrusted."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            artifacts = artifact.of_run(run)
            bundle = artifact.fetch(run, artifacts, Path(folder, "measurement"))
            judged = reply.of_bundle(bundle, run, pull, changes, artifact.urls(run, artifacts))
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
