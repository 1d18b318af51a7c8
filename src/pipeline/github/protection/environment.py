"""The environment `gate`, which holds the key of the App that sets the status: for jobs of the default branch alone."""

from functools import partial
from typing import Any

from pipeline.github.client import api
from pipeline.github.protection.settings import Setting

NAME = "gate"
PATH = f"environments/{NAME}"
POLICY = {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}}
ALL = "all branches"


def setting(default_branch: str) -> Setting:
    """The environment with the branches whose jobs may read its secrets."""
    current = _branches()
    write = partial(_write, current, default_branch)
    shown = None if current is None else {"branches": sorted(current) or ALL}
    return Setting(f"environment {NAME}", shown, {"branches": [default_branch]}, write)


def _branches() -> dict[str, int] | None:
    """The ids of its branch patterns, by pattern; empty where every branch may, None where there is no environment."""
    try:
        environment = api.call("GET", PATH, purpose=f"read the environment {NAME}")
    except api.RefusedError as refusal:
        if refusal.status == 404:
            return None
        raise
    policy: Any = environment.get("deployment_branch_policy") or {}
    if not policy.get("custom_branch_policies"):
        return {}
    path = f"{PATH}/deployment-branch-policies"
    data = api.call("GET", f"{path}?per_page=100", purpose="read its branches")["branch_policies"]
    return {item["name"]: item["id"] for item in data}


def _write(current: dict[str, int] | None, default_branch: str) -> None:
    purpose = f"restrict the environment {NAME} to {default_branch}"
    api.call("PUT", PATH, POLICY, purpose=purpose)
    for name, number in (current or {}).items():
        if name != default_branch:
            api.call("DELETE", f"{PATH}/deployment-branch-policies/{number}", purpose=purpose)
    if default_branch not in (current or {}):
        body = {"name": default_branch, "type": "branch"}
        api.call("POST", f"{PATH}/deployment-branch-policies", body, purpose=purpose, retry=False)
