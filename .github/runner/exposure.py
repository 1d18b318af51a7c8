"""Who may start code on this runner: a public repository is refused unless outsiders' workflows wait for approval."""

from collections.abc import Mapping
from typing import Any

from github_app import App, RefusedError, RegistrarError

APPROVED = "all_external_contributors"
SETTING = (
    "Settings → Actions → General → Approval for running fork pull request workflows from contributors → "
    "Require approval for all external contributors"
)


def refusal(repository: Mapping[str, Any], approval: str, group: Mapping[str, Any] | None) -> str | None:
    """Why no runner may be registered, or None. `approval` is GitHub's `approval_policy`."""
    name = repository["full_name"]
    if repository.get("private") is True:  # internal ones count as private
        return None
    limited = bool(group and group.get("restricted_to_workflows") and group.get("selected_workflows"))
    if limited or approval == APPROVED:
        return None
    return f"{name} is public and its approval policy is {approval!r}: anyone could run code here. Set {SETTING}"


def check(app: App, group_id: int | None) -> None:
    """Ask GitHub, and raise `RegistrarError` where the repository is open to anyone or can't be looked at."""
    try:
        repository = app.call("GET", f"/repos/{app.repository}")
        # GitHub answers 422 for a private repository here: that is not asked.
        approval = "not looked at" if repository.get("private") else _approval(app)
        owner = app.repository.split("/")[0]
        group = None if group_id is None else app.call("GET", f"/orgs/{owner}/actions/runner-groups/{group_id}")
    except RefusedError as refused:
        raise RegistrarError(
            f"the settings of {app.repository} can't be read ({refused}): no runner without them"
        ) from None
    reason = refusal(repository, approval, group)
    if reason:
        raise RegistrarError(reason)


def _approval(app: App) -> str:
    path = f"/repos/{app.repository}/actions/permissions/fork-pr-contributor-approval"
    try:
        return str(app.call("GET", path)["approval_policy"])
    except RefusedError as refused:
        if refused.status in (403, 404):  # the App may not read it: a limited runner group can still speak for the rest
            return "unknown"
        raise
