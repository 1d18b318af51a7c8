"""Environments, whose secrets jobs of the default branch alone can read."""

from functools import partial
from typing import Any

from pipeline.github.client import api
from pipeline.github.protection.settings import Setting

POLICY = {"protected_branches": False, "custom_branch_policies": True}
ALL = "all branches"


def setting(name: str, default_branch: str) -> Setting:
    """The environment with the branches whose jobs may read its secrets."""
    environment = _read(name)
    current = {} if environment is None else _branches(name, environment)
    write = partial(_write, name, environment or {}, current, default_branch)
    shown = None if environment is None else {"branches": sorted(current) or ALL}
    return Setting(f"environment {name}", shown, {"branches": [default_branch]}, write)


def _read(name: str) -> Any:
    """None where there is no such environment."""
    try:
        return api.call("GET", f"environments/{name}", purpose=f"read the environment {name}")
    except api.RefusedError as refusal:
        if refusal.status == 404:
            return None
        raise


def _branches(name: str, environment: Any) -> dict[str, int]:
    """The ids of its branch patterns, by pattern; empty where it has none, and so every branch may."""
    if environment.get("deployment_branch_policy") != POLICY:
        return {}
    path = f"environments/{name}/deployment-branch-policies?per_page=100"
    return {item["name"]: item["id"] for item in api.call("GET", path, purpose="read its branches")["branch_policies"]}


def _write(name: str, environment: Any, current: dict[str, int], default_branch: str) -> None:
    purpose, path = f"restrict the environment {name} to {default_branch}", f"environments/{name}"
    if environment.get("deployment_branch_policy") != POLICY:
        api.call("PUT", path, {"deployment_branch_policy": POLICY} | _other_rules(environment), purpose=purpose)
    for pattern, number in current.items():
        if pattern != default_branch:
            api.call("DELETE", f"{path}/deployment-branch-policies/{number}", purpose=purpose)
    if default_branch not in current:
        body = {"name": default_branch, "type": "branch"}
        api.call("POST", f"{path}/deployment-branch-policies", body, purpose=purpose, retry=False)


def _other_rules(environment: Any) -> dict[str, Any]:
    """Its waiting time and reviewers, as GitHub takes them: what a PUT leaves out is reset."""
    rules: dict[str, Any] = {}
    for rule in environment.get("protection_rules") or []:
        if rule["type"] == "wait_timer":
            rules["wait_timer"] = rule["wait_timer"]
        elif rule["type"] == "required_reviewers":
            rules["prevent_self_review"] = rule.get("prevent_self_review", False)
            rules["reviewers"] = [{"type": item["type"], "id": item["reviewer"]["id"]} for item in rule["reviewers"]]
    return rules
