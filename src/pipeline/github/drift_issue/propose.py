"""`pipeline propose`: a pull request with newly labelled rows, or a comment on the issue why there is none."""

import contextlib
import os
from typing import Any

import click

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.data.source.sources import FINGERPRINT
from pipeline.github.client import api, posting, statuses
from pipeline.github.client.numbers import Number
from pipeline.github.drift_issue import branch, retraining
from pipeline.markup.markdown import escape
from pipeline.watch.retrain import description, outcome
from pipeline.watch.retrain.outcome import Outcome

TRAIN = "train.yaml"
# GitHub starts no workflow for a pull request that the workflow's own token opens, and none when such a run ends.
WORKFLOWS = {TRAIN: {"answer": "true"}, "test.yaml": {}}
SETTING = "Settings › Actions › General › Allow GitHub Actions to create and approve pull requests"


@click.command()
@click.option("--issue", type=Number(), metavar="N", help="The issue that it is for; a comment there says how it went.")
def command(issue: int | None) -> None:
    """Open the pull request of what `pipeline retrain` found, or update it, and start what measures and tests it."""
    try:
        retrained = outcome.read()
        message = propose(retrained, issue) if retrained.state == "added" else explain_nothing(retrained)
    except PipelineError as problem:
        with contextlib.suppress(PipelineError):  # the first error matters more than one of the comment
            _comment(issue, f"it stopped: {escape(str(problem).splitlines()[0])}")
        raise
    _comment(issue, message)
    click.echo(message)


def explain_nothing(retrained: Outcome) -> str:
    """Why there is no pull request, and which rows are in quarantine."""
    return "\n\n".join([f"{escape(retrained.sentence)}: no pull request", *description.quarantine(retrained)])


def propose(retrained: Outcome, issue: int | None) -> str:
    """Write the branch, its pull request and start their runs; what was done, in one sentence."""
    issue_title = str(api.call("GET", f"issues/{issue}", purpose=f"read issue {issue}")["title"]) if issue else None
    text, path = FINGERPRINT.read_text(encoding="utf-8"), f"{pipelines.folder()}{FINGERPRINT}"
    title = description.title(retrained, params.read().name)
    pull = retraining.newest_pull("open")
    if issue and pull is None and (refused := retraining.of_issue(issue)) and refused.state == "refused":
        return f"#{refused.number} added rows for this issue and was closed. {retraining.BY_HAND}"
    head, moved = branch.write(retraining.branch(), path, text, title)
    others = [number for number in retraining.named_issues(pull["body"]) if number != issue] if pull else []
    fields = {
        "title": title,
        "body": description.body(retrained, issue, issue_title, others, path),
    }
    if (
        pull is None
        and not moved
        and (closed := retraining.newest_pull("closed", lambda data: data["head"]["sha"] == head))
    ):
        return f"#{closed['number']} added these rows and was closed: reopen it to go on"
    if pull is None:
        pull = _open(fields)
    elif (pull["title"], pull["body"]) != (fields["title"], fields["body"]):
        api.call("PATCH", f"pulls/{pull['number']}", fields, purpose="update the pull request")
    if moved or not _is_measured(head):
        for workflow, inputs in WORKFLOWS.items():
            body = {"ref": retraining.branch(), "inputs": inputs}
            api.call("POST", f"actions/workflows/{workflow}/dispatches", body, purpose=f"start {workflow}")
    return f"#{pull['number']} adds {escape(retrained.sentence)}"


def _open(fields: dict[str, str]) -> Any:
    base = api.call("GET", "", purpose="read the default branch")["default_branch"]
    try:
        return api.call(
            "POST",
            "pulls",
            fields | {"head": retraining.branch(), "base": base},
            purpose="open a pull request",
            retry=False,
        )
    except api.RefusedError as problem:
        if problem.status != 403:
            raise
        page = f"{api.server()}/{api.repository()}/compare/{base}...{retraining.branch()}?expand=1"
        raise PipelineError(
            f"the workflow may open no pull request: switch on {SETTING}, or open it yourself: {page}"
        ) from None


def _is_measured(head: str) -> bool:
    """Whether the branch's head is being measured, or has been."""
    path = f"actions/workflows/{TRAIN}/runs?head_sha={head}&event=workflow_dispatch"
    running = api.call("GET", path, purpose=f"list the runs of {TRAIN}")["total_count"] > 0
    return running or statuses.current(head) is not None


def _comment(issue: int | None, message: str) -> None:
    """Write the issue's one comment on retraining; the newest message replaces the one before."""
    if issue is not None:
        run = os.environ.get("GITHUB_RUN_ID")
        page = f" ([run]({api.server()}/{api.repository()}/actions/runs/{run}))" if run else ""
        posting.upsert(issue, "retrain", f"Retraining{page}: {message}")
