"""`pipeline overrule`: a person overrules the gate for one commit, by name and with a reason, or takes that back."""

import os
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import click

from pipeline.core import pipelines
from pipeline.core.errors import PipelineError
from pipeline.github.client import api, override_runs, pulls, statuses
from pipeline.github.client.numbers import Number
from pipeline.github.client.posting import upsert
from pipeline.github.client.pulls import NothingToDoError
from pipeline.github.pull_request import authors, overrides
from pipeline.markup.markdown import escape
from pipeline.review.gate.override import Override

MAX_LENGTH = 500  # characters of a reason
ANSWER = "comment.yaml"
WITHDRAWN = "the override was withdrawn"
HOW_TO = "comment `Override: why` on it, then set the label `gate: override` anew, or start the workflow `override`"


@click.command()
@click.option("--pull-request", "number", type=Number(), required=True, metavar="N")
@click.option("--by", "person", required=True, metavar="LOGIN", help="Who overrules, as GitHub names them.")
@click.option("--commit", required=True, metavar="SHA", help="Head that is overruled, all 40 digits.")
@click.option("--reason", metavar="TEXT", help="Default: the newest comment of that person, `Override: TEXT`.")
@click.option("--withdraw", is_flag=True, help="The label was removed: no override counts any more.")
def command(number: int, person: str, commit: str, reason: str | None, withdraw: bool) -> None:
    """Overrule the gate for a pull request's head, where gate.overrule of main allows that person to."""
    pull = api.call("GET", f"pulls/{number}", purpose=f"read pull request {number}")
    now = datetime.now(UTC).replace(microsecond=0)
    if withdraw:
        overrides.withdraw(number, now)
        answer_again(pull, "pending", WITHDRAWN)
    elif reason is not None:
        overrule(pull, person, commit, reason, now)
    else:
        overrule_by_label(pull, person, commit, now)


def overrule_by_label(pull: Any, person: str, commit: str, now: datetime) -> None:
    """Overrule for a label that was set: it was off before, so earlier overrides end."""
    why, withdrawn = overrides.reason(pull["number"], person), overrides.withdraw(pull["number"], now)
    try:
        overrule(pull, person, commit, why or "", now)
    except PipelineError as refusal:
        if withdrawn:
            answer_again(pull, "pending", WITHDRAWN)
        if not isinstance(refusal, api.RefusedError):
            upsert(pull["number"], "override-refused", escape(refusal))
        raise


def overrule(pull: Any, person: str, commit: str, reason: str, now: datetime) -> None:
    """Record the override and start the answer again; PipelineError, in one line, where it is refused."""
    head = str(pull["head"]["sha"])
    _check_head(pull, commit)
    authors.check(pull, person)
    why = " ".join(reason.split())
    if not why:
        raise PipelineError(f"@{person} gave no reason; {HOW_TO}")
    state: statuses.State = "pending" if _is_measured(pull["number"]) else "success"
    override = Override(by=person, at=now, commit=head, reason=why[:MAX_LENGTH], run=_run_id())
    if problem := override_runs.run_problem(override, pull["number"]):
        raise PipelineError(f"{problem}; override.yaml of the default branch overrules, by whom it runs for")
    overrides.record(pull, override)
    answer_again(pull, state, overrides.status_prefix(override))
    click.echo(f"pull request {pull['number']}: @{person} overruled the gate for {head[:7]}")


def answer_again(pull: Any, state: statuses.State, description: str) -> None:
    """Set the status of each pipeline until the answer sets it, and start the answer."""
    head, default = pull["head"], _default_branch()
    for _ in pipelines.each():
        statuses.post(head["sha"], state, description, pull["html_url"])
    source = f"{head['repo']['full_name']}:{head['ref']}" if head["repo"] else ""
    inputs = {"pull_request": str(pull["number"]), "head": source}
    path = f"actions/workflows/{ANSWER}/dispatches"
    api.call("POST", path, {"ref": default, "inputs": inputs}, purpose="start the answer to the pull request again")


def _check_head(pull: Any, commit: str) -> None:
    """PipelineError where the commit is not the head of an open pull request into the default branch."""
    number, head, base = pull["number"], pull["head"]["sha"], pull["base"]["ref"]
    if pull["state"] != "open" or base != _default_branch():
        raise PipelineError(f"pull request {number}: is {pull['state']}, into {base}; there is no gate to overrule")
    if not re.fullmatch("[0-9a-f]{40}", commit):  # fewer digits could be those of another commit as well
        raise PipelineError(f"commit {commit!r}: is not a full commit hash; give all 40 digits of the head's")
    if head != commit:
        raise PipelineError(f"pull request {number}: its head is {head[:7]} now, not {commit[:7]}; nothing overruled")


def _run_id() -> int:
    """The run of override.yaml that this is; PipelineError outside of a workflow."""
    number = os.environ.get("GITHUB_RUN_ID", "")
    if not number.isdigit():
        raise PipelineError("GITHUB_RUN_ID: is not set; the gate is overruled by the workflow override.yaml alone")
    return int(number)


def _is_measured(number: int) -> bool:
    """Whether the head has a train run, finished or not, which will be answered."""
    try:
        pulls.of_number(number)
    except NothingToDoError:
        return False
    return True


def _default_branch() -> str:
    return quote(str(api.call("GET", "", purpose="read the default branch")["default_branch"]), safe="/")
