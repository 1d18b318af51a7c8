"""What follows an alarm: starting retraining, its pull request, and whether a deployed commit contains it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.core import params, pipelines
from pipeline.github.client import api

WORKFLOW = "retrain.yaml"
STARTED = (
    f"`{WORKFLOW}` was started: it opens a pull request if there are newly labelled rows to learn from, "
    "and otherwise says in a comment here why not"
)
BY_HAND = f"To go on, reopen it, or start `{WORKFLOW}` by hand without an issue."
UNAVAILABLE = frozenset({404, 422})  # no such workflow, or it is switched off


@dataclass(frozen=True)
class Retraining:
    """A pull request of retraining; `merge` is the commit that merged it. Refused: a person closed it unmerged."""

    number: int
    state: Literal["open", "merged", "refused"]
    merge: str | None = None


def branch() -> str:
    """The branch of the pipeline's retraining; git has no branch below another, so the name is not the last part."""
    return f"{params.read().named('retrain', '-')}/drift"


def of_issue(issue: int) -> Retraining | None:
    """The newest pull request that names this issue, the open one first."""
    for state in "open", "closed":
        if newest := newest_pull(state, lambda data: issue in named_issues(data["body"])):
            if newest["merged_at"]:
                return Retraining(newest["number"], "merged", newest["merge_commit_sha"])
            return Retraining(newest["number"], "open" if state == "open" else "refused")
    return None


def named_issues(body: str | None) -> list[int]:
    """The issues that the text of a pull request says it retrains for."""
    return [int(number) for number in re.findall(r"\bRetrains for #(\d{1,12})\b", body or "")]


def contains(commit: str, merge: str) -> bool:
    """Whether the commit's history contains the merge."""
    try:
        comparison = api.call("GET", f"compare/{merge}...{commit}", purpose="check that production has the retraining")
    except api.RefusedError as problem:
        if problem.status == 404:  # history was rewritten
            return False
        raise
    return comparison["status"] in {"ahead", "identical"}


def start(issue: int) -> str | None:
    """Start retraining for the issue; None where it has started, else why it can't be."""
    default = api.call("GET", "", purpose="read the default branch")["default_branch"]
    folder = pipelines.folder().rstrip("/")
    body = {"ref": default, "inputs": {"issue": str(issue)} | ({"pipeline": folder} if folder else {})}
    try:
        api.call("POST", f"actions/workflows/{WORKFLOW}/dispatches", body, purpose=f"start {WORKFLOW}")
    except api.RefusedError as problem:
        if problem.status in UNAVAILABLE:
            return f"`{WORKFLOW}` does not exist or is switched off"
        raise
    return None


def newest_pull(state: str, matches: Callable[[Any], bool] = lambda _: True) -> Any:
    """The newest matching pull request from the pipeline's branch in this state; None where there is none.

    Only those of this repository count: a fork may have a branch of that name.
    """
    head = f"{api.repository().split('/')[0]}:{branch()}"
    path = f"pulls?state={state}&head={head}&sort=updated&direction=desc"
    pulls = [
        data
        for data in api.pages(path, purpose="look for the retraining pull request", limit=3)
        if (data["head"]["repo"] or {}).get("full_name") == api.repository() and matches(data)
    ]
    return max(pulls, key=lambda data: data["number"], default=None)
