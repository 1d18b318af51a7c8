"""What GitHub itself knows of an override: the run of override.yaml that gave it, and who set the label.

An override is recorded in a comment of the bot. Whoever may write to the repository can edit it, and a workflow of any
branch comments and labels as the same bot. Nobody can make up a run of main's override.yaml, or an event.
"""

from typing import Any
from urllib.parse import quote

from pipeline.github.client import api
from pipeline.github.client.posting import BOT
from pipeline.review.gate.override import LABEL, Override

WORKFLOW = ".github/workflows/override.yaml"
LABEL_EVENT = "pull_request_target"  # GitHub takes its workflow from the default branch, whatever the pull request's
DISPATCH = "workflow_dispatch"


def problem(override: Override, number: int) -> str | None:
    """Why GitHub's data do not confirm the override of a pull request, in one phrase; None where they do."""
    if unconfirmed := run_problem(override, number):
        return unconfirmed
    if not is_label_of(override, number):
        return f"neither @{override.by} nor the workflow set the label last"
    return None


def run_problem(override: Override, number: int) -> str | None:
    """Why the run of override.yaml that an override names is not one by that person for that commit, or None."""
    if override.run is None:
        return "its record names no run of override.yaml; overrule again"
    try:
        run = api.call("GET", f"actions/runs/{override.run}", purpose=f"read run {override.run}")
    except api.RefusedError as refusal:
        if refusal.status != 404:
            raise
        return f"there is no run {override.run}"
    return next((f"run {override.run} {wrong}" for wrong in _differences(run, override, number)), None)


def is_label_of(override: Override, number: int) -> bool:
    """Whether the label was set last by the person, or by the workflow that the person ran."""
    setter = None
    for event in api.pages(f"issues/{number}/events", purpose="read who set the label"):
        if event["event"] in {"labeled", "unlabeled"} and event["label"]["name"] == LABEL:
            setter = _login(event.get("actor")) if event["event"] == "labeled" else None
    return setter in {override.by.casefold(), BOT}


def title(number: int, commit: str) -> str:
    """The title of a run that overrules the gate: `run-name` in override.yaml."""
    return f"overrule #{number} at {commit}"


def _differences(run: Any, override: Override, number: int) -> list[str]:
    path, event = str(run["path"]).partition("@")[0], run["event"]
    checks = (
        (path == WORKFLOW and event in {LABEL_EVENT, DISPATCH}, f"is of {path} on {event}"),
        (_login(run.get("triggering_actor")) == override.by.casefold(), f"was not started by @{override.by}"),
        (run["display_title"] == title(number, override.commit), f"is not for {override.commit[:7]} of #{number}"),
        (run["conclusion"] in {None, "success"}, f"ended with {run['conclusion']}"),
    )
    wrong = [difference for holds, difference in checks if not holds]
    if not wrong and event == DISPATCH and not _is_of_default_branch(run):
        wrong.append("is not of the default branch")
    return wrong


def _is_of_default_branch(run: Any) -> bool:
    """Whether main has the run's commit: a tag of the name `main` would have a workflow of its own."""
    default = str(api.call("GET", "", purpose="read the default branch")["default_branch"])
    if run["head_branch"] != default:
        return False
    path = f"compare/{quote(default, safe='')}...{run['head_sha']}"
    return api.call("GET", path, purpose="compare the run's commit with main")["status"] in {"identical", "behind"}


def _login(user: Any) -> str:
    return str((user or {}).get("login") or "").casefold()
