"""What becomes of an alarm: retraining asked for, its pull request, and whether its model is in production."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pipeline.github.client import api

BRANCH, WORKFLOW = "retrain/drift", "retrain.yaml"
CURABLE = frozenset({"data_drift", "prediction_drift", "performance", "missing", "unseen"})  # by training again
RECENT = 20  # deployments that are looked at
ASKED = (
    f"`{WORKFLOW}` was started: it opens a pull request where there are newly labelled rows to learn from, "
    "and says here why where there are none"
)
BY_HAND = f"Reopen it, or start `{WORKFLOW}` by hand without an issue, to go on."
UNAVAILABLE = frozenset({404, 422})  # no such workflow, or it is switched off


@dataclass(frozen=True)
class Retraining:
    """A pull request of retraining; `merge` is the commit that it became. A person may have closed it without that."""

    number: int
    state: Literal["open", "merged", "refused"]
    merge: str | None = None


@dataclass(frozen=True)
class Production:
    """The commit whose release serves, and since when."""

    commit: str
    since: datetime


def curable(signals: Iterable[str]) -> set[str]:
    """Those of the signals that a model trained on newer rows may cure."""
    return set(CURABLE.intersection(signals))


def retraining(issue: int) -> Retraining | None:
    """The newest pull request that names this issue, the open one first."""
    for state in "open", "closed":
        if newest := newest_pull(state, lambda data: issue in named(data["body"])):
            if newest["merged_at"]:
                return Retraining(newest["number"], "merged", newest["merge_commit_sha"])
            return Retraining(newest["number"], "open" if state == "open" else "refused")
    return None


def named(body: str | None) -> list[int]:
    """The issues that the text of a pull request says it retrains for."""
    return [int(number) for number in re.findall(r"\bRetrains for #(\d{1,12})\b", body or "")]


def production(environment: str) -> Production | None:
    """What the newest deployment that succeeded put into production; None where GitHub knows of none.

    Jobs that name the environment make deployments as well: ours name a release. An older one turns inactive later.
    """
    path = f"deployments?environment={quote(environment, safe='')}&per_page={RECENT}"
    for deployment in api.call("GET", path, to="read the deployments"):
        payload = deployment["payload"]
        if not isinstance(payload, dict) or "release" not in payload:
            continue
        path = f"deployments/{deployment['id']}/statuses?per_page=100"
        for status in api.call("GET", path, to="read how a deployment went"):
            if status["state"] == "success":
                return Production(deployment["sha"], datetime.fromisoformat(status["created_at"]))
    return None


def holds(commit: str, merge: str) -> bool:
    """Whether the commit's history has the merge."""
    try:
        compared = api.call("GET", f"compare/{merge}...{commit}", to="look whether production has the retraining")
    except api.RefusedError as problem:
        if problem.status == 404:  # history was rewritten
            return False
        raise
    return compared["status"] in {"ahead", "identical"}


def ask(issue: int) -> str | None:
    """Start retraining for the issue; why that can't be, None where it has started."""
    branch = api.call("GET", "", to="read the default branch")["default_branch"]
    body = {"ref": branch, "inputs": {"issue": str(issue)}}
    try:
        api.call("POST", f"actions/workflows/{WORKFLOW}/dispatches", body, to=f"start {WORKFLOW}")
    except api.RefusedError as problem:
        if problem.status in UNAVAILABLE:
            return f"`{WORKFLOW}` is not there or switched off"
        raise
    return None


def newest_pull(state: str, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
    """The newest wanted pull request from the branch in this state; None where there is none.

    It is of our own repository: a fork may have a branch of that name.
    """
    head = f"{api.repository().split('/')[0]}:{BRANCH}"
    path = f"pulls?state={state}&head={head}&sort=updated&direction=desc"
    ours = [
        data
        for data in api.pages(path, to="look for the retraining pull request", limit=3)
        if (data["head"]["repo"] or {}).get("full_name") == api.repository() and wanted(data)
    ]
    return max(ours, key=lambda data: data["number"], default=None)
