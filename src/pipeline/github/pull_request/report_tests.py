"""`pipeline report-tests`: the result of test.yaml as the commit status `test`.

GitHub lists no check of a dispatched run in the pull request, so a commit of the bot would show no tests.
"""

import time
from typing import Any

import click

from pipeline.core.errors import PipelineError
from pipeline.github.client import api, statuses
from pipeline.github.client.numbers import Number
from pipeline.github.client.pulls import EVENTS, UNAPPROVED
from pipeline.github.client.statuses import State

CONTEXT = "test"
WORKFLOW = "test.yaml"
INTERVAL = 5  # seconds between two looks at a run that is about to end
RESULTS: dict[str, tuple[State, str]] = {
    "success": ("success", "passed"),
    "failure": ("failure", "failed"),
    "timed_out": ("failure", "ran out of time"),
    "startup_failure": ("failure", "could not start: is this branch's test.yaml valid?"),
    "cancelled": ("error", "was cancelled; re-run it"),
    "skipped": ("error", "was skipped: compare this branch's test.yaml with main's"),
    "stale": ("error", "GitHub gave it up; re-run it"),
    "neutral": ("error", "ended without a result; re-run it"),
}


@click.command()
@click.option("--run", "number", type=Number(), required=True, metavar="ID", help="Run of test.yaml.")
@click.option("--wait", type=float, default=0, show_default=True, help="Seconds that the run may take to end.")
def command(number: int, wait: float) -> None:
    """Set the status `test` of a commit to the result of its newest run of test.yaml."""
    head = _head(number, wait)
    runs = api.call("GET", f"actions/workflows/{WORKFLOW}/runs?head_sha={head}&per_page=100", purpose="list the runs")
    newest = newest_run(runs["workflow_runs"])
    if newest is None:
        click.echo(f"run {number}: waits for a person's approval; nothing to report")
        return
    state, description = result(newest)
    current = statuses.current(head, CONTEXT) or {}
    if (current.get("state"), current.get("target_url")) != (state, newest["html_url"]):
        statuses.post(head, state, description, newest["html_url"], context=CONTEXT)
    click.echo(f"{head[:7]}: {CONTEXT} {description}")


def newest_run(runs: list[Any]) -> Any:
    """The newest run that tests a branch; None where each waits for approval, as one for the bot's own commit does."""
    started = [run for run in runs if run["event"] in EVENTS and run["conclusion"] != UNAPPROVED]
    return max(started, key=lambda run: int(run["id"]), default=None)


def result(run: Any) -> tuple[State, str]:
    """State and description of a run."""
    if run["status"] != "completed":
        return "pending", "is running"
    return RESULTS.get(run["conclusion"], ("error", f"ended as {run['conclusion']}"))


def _head(number: int, wait: float) -> str:
    """The commit of the run, once it has ended or the time is up; PipelineError for a run of another workflow."""
    end = time.monotonic() + wait
    while True:
        run = api.call("GET", f"actions/runs/{number}", purpose=f"read run {number}")
        if str(run["path"]).partition("@")[0] != f".github/workflows/{WORKFLOW}":
            raise PipelineError(f"run {number}: is of {run['path']}, not of {WORKFLOW}")
        if run["status"] == "completed" or time.monotonic() + INTERVAL > end:
            return str(run["head_sha"])
        time.sleep(INTERVAL)
