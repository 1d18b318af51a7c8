"""`pipeline answer`: judge what a train run left, by main's code and bounds, and answer the pull request."""

import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

import click

from pipeline.core.errors import PipelineError
from pipeline.github.client import api, posting, pulls, statuses, steps
from pipeline.github.client.posting import Marker
from pipeline.github.client.pulls import NothingToDoError, Pull, Run
from pipeline.github.pull_request import artifact, overrides, reply
from pipeline.github.pull_request.reply import Reply
from pipeline.review.comment import render

EVERY = 5  # seconds between two looks at a run that is about to end
GONE = frozenset({404, 410})  # what GitHub says of an artifact that it no longer has


@click.command()
@click.option("--run", "number", type=int, metavar="ID", help="Run of train.yaml that has ended.")
@click.option("--pull-request", type=int, metavar="N", help="Answer by the latest run of this pull request's head.")
@click.option("--wait", type=float, default=120, show_default=True, help="Seconds that the run may take to end.")
def command(number: int | None, pull_request: int | None, wait: float) -> None:
    """Post the report on the pull request of a train run and set the status `gate`."""
    if (number is None) == (pull_request is None):
        raise click.UsageError("give either --run or --pull-request")
    try:
        run, pull = _found(number, pull_request, wait)
        answer(run, pull, cancelled(run, pull) if run.conclusion == "cancelled" else made(run, pull))
    except NothingToDoError as reason:
        steps.output("record", "false")
        click.echo(str(reason))


def answer(run: Run, pull: Pull, found: Reply) -> None:
    """Comment and status; what GitHub refuses is raised when all that it allows is done."""
    marker = Marker(run.id, run.attempt, run.head, "final")
    url, refused = run.url, list[PipelineError]()
    steps.summary(found.text)
    try:
        url = posting.post(pull.number, marker, found.text)
    except api.RefusedError as problem:
        refused.append(problem)
    override = overrides.standing(pull.number, found.commits or {pull.head})  # set or withdrawn while it was judged
    state, said = found.final(override)
    try:
        statuses.post(pull.head, *found.first(override), url)
    except api.RefusedError as problem:
        refused.append(problem)
    steps.output("run", str(run.id))
    steps.output("record", "true" if found.recording == "bot" else "false")
    steps.output("artifact", str(found.artifact or ""))
    for name, value in {"state": found.state, "description": found.description, "url": url}.items():
        steps.output(name, statuses.cut(value) if name == "description" else value)
    if refused:
        raise PipelineError("\n".join(str(problem) for problem in refused))
    click.echo(f"answered: {url} ({state}: {said})")


def cancelled(run: Run, pull: Pull) -> Reply:
    """That nothing comes of the run any more, where its announcement still stands and no other run follows."""
    found = posting.ours(pull.number)
    if found is None or found.marker != Marker(run.id, run.attempt, run.head, "waiting") or pulls.newer(run):
        raise NothingToDoError(f"run {run.id}: was cancelled; nothing to answer")
    reason = "the run was cancelled (or ran out of time); re-run it"
    return Reply(render.broken(run.url, reason), "error", reason)


def made(run: Run, pull: Pull) -> Reply:
    """The reply; where nothing can be made of the measurement, one that says so. Its content is the pull request's."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            items = artifact.of_run(run)
            bundle = artifact.fetch(run, items, Path(folder, "measurement"))
            answer = reply.of_bundle(bundle, run, pull, artifact.urls(run, items))
            return replace(answer, artifact=items[artifact.NAME].id)
    except NothingToDoError:
        raise
    except PipelineError as problem:
        if isinstance(problem, api.RefusedError) and problem.status not in GONE:
            raise  # the job lacks a right, or GitHub is down: no word about the measurement
        reason = str(problem).splitlines()[0]
    except Exception as problem:
        for line in traceback.format_exc().splitlines():
            click.echo(
                f"| {line}", err=True
            )  # the runner obeys lines that begin with `::`, and data may stand in these
        reason = f"the measurement can't be read ({type(problem).__name__})"
    return Reply(render.broken(run.url, reason), "error", f"no usable measurement: {reason}")


def _found(number: int | None, pull_request: int | None, wait: float) -> tuple[Run, Pull]:
    """The run and its pull request; NothingToDoError where the run has said nothing or nobody listens any more."""
    if pull_request is not None:
        run, pull = pulls.of_number(pull_request)
    else:
        assert number is not None
        run, pull = _ended(number, wait), None
    if not run.ended:
        raise NothingToDoError(f"run {run.id}: is {run.status}; it is answered when it has ended")
    if run.conclusion in pulls.SILENT - {"cancelled"}:
        raise NothingToDoError(f"run {run.id}: was {run.conclusion}; nothing to answer")
    return run, pull or pulls.of_run(run)


def _ended(number: int, wait: float) -> Run:
    """The run; where its own last job asks for the answer, it is about to end."""
    end = time.monotonic() + wait
    while not (run := pulls.run(number)).ended and time.monotonic() + EVERY < end:
        time.sleep(EVERY)
    return run
