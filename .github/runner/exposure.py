"""Who may run code on this runner: no runner is registered unless forks' workflows wait for approval."""

from collections.abc import Mapping
from typing import Any

from github_app import App, RefusedError, RegistrarError

APPROVED = "all_external_contributors"
SETTING = (
    "Settings → Actions → General → Approval for running fork pull request workflows from contributors → "
    "Require approval for all external contributors"
)
PRIVATE_SETTING = (
    "Settings → Actions → General → Fork pull request workflows: clear Run workflows from fork pull requests, or set "
    "Require approval for fork pull request workflows"
)

SENDING = {  # settings of a private repository by which a fork's workflow gets more than the right to read
    "send_write_tokens_to_workflows": "Send write tokens to workflows from fork pull requests",
    "send_secrets_and_variables": "Send secrets and variables to workflows from fork pull requests",
}


def refusal(
    repository: Mapping[str, Any], approval: str, forks: Mapping[str, Any], group: Mapping[str, Any] | None
) -> str | None:
    """Why no runner may be registered; None where one may.

    `approval` is the `approval_policy` of a public repository; `forks` are the settings of a private one.
    """
    name = repository["full_name"]
    sending = [label for key, label in SENDING.items() if forks.get(key) is True]
    if sending and forks.get("run_workflows_from_fork_pull_requests") is not False:
        return (
            f"{name} gives forks' workflows more than the right to read: who can read it could change it. Settings → "
            f"Actions → General → Fork pull request workflows: clear {' and '.join(sending)}"
        )
    if group and group.get("restricted_to_workflows") and group.get("selected_workflows"):
        return None
    if repository.get("private") is True:  # internal ones count as private
        needs_approval = forks.get("require_approval_for_fork_pr_workflows") is True
        if needs_approval or forks.get("run_workflows_from_fork_pull_requests") is False:
            return None
        return (
            f"{name} may run forks' workflows without approval: who can read it could run code here. {PRIVATE_SETTING}"
        )
    if approval == APPROVED:
        return None
    return f"{name} is public and its approval policy is {approval!r}: anyone could run code here. Set {SETTING}"


def check(app: App, group_id: int | None) -> None:
    """Raise `RegistrarError` where anyone could run code by the repository's settings, or they can't be read."""
    try:
        repository = app.call("GET", f"/repos/{app.repository}")
        # Each setting is for one kind of repository; for the other, GitHub responds with 422.
        private = repository.get("private") is True
        approval = "not checked" if private else _approval(app)
        forks = _setting(app, "fork-pr-workflows-private-repos") if private else {}
        owner = app.repository.split("/")[0]
        group = None if group_id is None else app.call("GET", f"/orgs/{owner}/actions/runner-groups/{group_id}")
    except RefusedError as refused:
        raise RegistrarError(
            f"the settings of {app.repository} can't be read ({refused}): no runner without them"
        ) from None
    reason = refusal(repository, approval, forks, group)
    if reason:
        raise RegistrarError(reason)


def _approval(app: App) -> str:
    return str(_setting(app, "fork-pr-contributor-approval").get("approval_policy", "unknown"))


def _setting(app: App, name: str) -> Mapping[str, Any]:
    """One of the settings for pull requests of forks; empty where the App may not read it."""
    try:
        setting: Mapping[str, Any] = app.call("GET", f"/repos/{app.repository}/actions/permissions/{name}")
    except RefusedError as refused:
        if refused.status in (403, 404):  # a limited runner group can still be safe
            return {}
        raise
    return setting
