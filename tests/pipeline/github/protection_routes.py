"""Rulesets, environments, people and Apps of the stand-in GitHub, with what GitHub refuses by role and plan.

By GitHub's pages on rulesets (docs.github.com, "Managing rulesets for a repository", "Who can use this"): rulesets in
public repositories and in private ones of GitHub Pro and Team; push rules in private and internal ones of Team.
"""

from typing import Any

from tests.pipeline.github.hub import Hub, Response, Routes
from tests.pipeline.github.repositories import UnknownError

UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."
# What GitHub adds to the parameters of a rule.
DEFAULTS: dict[str, dict[str, Any]] = {
    "pull_request": {"allowed_merge_methods": ["merge", "squash", "rebase"], "required_reviewers": []},
    "required_status_checks": {"do_not_enforce_on_create": False},
}


def rulesets(hub: Hub) -> Response:
    _check_plan(hub)
    short = ("id", "name", "target", "enforcement", "source", "source_type")
    return hub.listing([{name: data[name] for name in short} for data in _all(hub)])


def ruleset(hub: Hub, number: str) -> Response:
    _check_plan(hub)
    return 200, {}, _one(hub, number)


def new_ruleset(hub: Hub) -> Response:
    _check_write(hub)
    if any(data["name"] == hub.body["name"] for data in _all(hub)):
        raise UnknownError("Validation Failed: Name must be unique", 422)
    data = {"id": hub.next_id(), "source": hub.state["repository"], "source_type": "Repository"}
    _all(hub).append(data | _completed(hub.body))
    return 201, {}, _all(hub)[-1]


def change_ruleset(hub: Hub, number: str) -> Response:
    _check_write(hub)
    data = _one(hub, number)
    data.update(_completed(hub.body))
    return 200, {}, data


def collaborators(hub: Hub) -> Response:
    _check_push(hub)
    wanted = {"push": {"admin", "maintain", "write"}}[hub.query["permission"]]
    people = [login for login, role in hub.state["permissions"].items() if role in wanted]
    return hub.listing([{"login": login, "type": "User"} for login in people])


def app(hub: Hub, name: str) -> Response:
    if name not in hub.state.get("apps", {}):
        raise UnknownError("Not Found")
    return 200, {}, {"id": hub.state["apps"][name], "slug": name, "name": name, "permissions": {}, "events": []}


def environment(hub: Hub, name: str) -> Response:
    entry = _environment(hub, name)
    policy = None if entry["branches"] is None else {"protected_branches": False, "custom_branch_policies": True}
    rules: list[dict[str, Any]] = []
    if entry.get("wait_timer"):
        rules.append({"type": "wait_timer", "wait_timer": entry["wait_timer"]})
    if entry.get("reviewers"):
        reviewers = [{"type": item["type"], "reviewer": {"id": item["id"]}} for item in entry["reviewers"]]
        own = entry.get("prevent_self_review", False)
        rules.append({"type": "required_reviewers", "prevent_self_review": own, "reviewers": reviewers})
    return 200, {}, {"name": name, "deployment_branch_policy": policy, "protection_rules": rules}


def put_environment(hub: Hub, name: str) -> Response:
    _check_admin(hub)
    entry = hub.state.setdefault("environments", {}).setdefault(name, {"branches": None})
    if (hub.body["deployment_branch_policy"] or {}).get("custom_branch_policies"):
        entry["branches"] = entry["branches"] or {}
    for rule in ("wait_timer", "prevent_self_review", "reviewers"):  # what the request leaves out is reset
        entry[rule] = hub.body.get(rule)
    return environment(hub, name)


def branches(hub: Hub, name: str) -> Response:
    policies = [
        {"id": number, "name": pattern} for number, pattern in (_environment(hub, name)["branches"] or {}).items()
    ]
    return 200, {}, {"total_count": len(policies), "branch_policies": hub.page(policies)}


def new_branch(hub: Hub, name: str) -> Response:
    _check_admin(hub)
    number = hub.next_id()
    _environment(hub, name)["branches"][number] = hub.body["name"]
    return 200, {}, {"id": number, "name": hub.body["name"]}


def drop_branch(hub: Hub, name: str, number: str) -> Response:
    _check_admin(hub)
    del _environment(hub, name)["branches"][int(number)]
    return 204, {}, None


def _all(hub: Hub) -> list[dict[str, Any]]:
    rulesets: list[dict[str, Any]] = hub.state.setdefault("rulesets", [])
    return rulesets


def _one(hub: Hub, number: str) -> dict[str, Any]:
    return next((data for data in _all(hub) if data["id"] == int(number)), None) or _missing()


def _environment(hub: Hub, name: str) -> dict[str, Any]:
    environment: dict[str, Any] = hub.state.get("environments", {}).get(name) or _missing()
    return environment


def _missing() -> Any:
    raise UnknownError("Not Found")


def _completed(body: dict[str, Any]) -> dict[str, Any]:
    """The ruleset as GitHub shows it afterwards: parameters completed, and keys that nobody gave."""
    rules = [
        rule | ({"parameters": DEFAULTS.get(rule["type"], {}) | rule["parameters"]} if "parameters" in rule else {})
        for rule in body["rules"]
    ]
    return body | {"rules": rules, "current_user_can_bypass": "never", "created_at": "2026-01-02T03:04:05Z"}


def _check_plan(hub: Hub) -> None:
    if hub.state.get("visibility", "public") != "public" and hub.state.get("plan", "free") == "free":
        raise UnknownError(UPGRADE, 403)


def _check_write(hub: Hub) -> None:
    _check_plan(hub)
    _check_admin(hub)
    has_push_rules = hub.state.get("visibility", "public") != "public" and hub.state.get("plan") == "team"
    if hub.body.get("target") == "push" and not has_push_rules:
        raise UnknownError("Validation Failed: push rulesets are not available", 422)


def _check_admin(hub: Hub) -> None:
    """The role admin, which the workflow's token never has."""
    if hub.user["type"] == "Bot":
        raise UnknownError("Resource not accessible by integration", 403)
    if hub.state["permissions"].get(hub.user["login"]) != "admin":
        _missing()


def _check_push(hub: Hub) -> None:
    if hub.state["permissions"].get(hub.user["login"]) not in {"admin", "maintain", "write"}:
        raise UnknownError("Must have push access to view repository collaborators.", 403)


ROUTES: Routes = [
    ("GET", "rulesets", rulesets),
    ("POST", "rulesets", new_ruleset),
    ("GET", r"rulesets/(\d+)", ruleset),
    ("PUT", r"rulesets/(\d+)", change_ruleset),
    ("GET", "collaborators", collaborators),
    ("GET", r"/?apps/([\w-]+)", app),
    ("GET", r"environments/([^/]+)", environment),
    ("PUT", r"environments/([^/]+)", put_environment),
    ("GET", r"environments/([^/]+)/deployment-branch-policies", branches),
    ("POST", r"environments/([^/]+)/deployment-branch-policies", new_branch),
    ("DELETE", r"environments/([^/]+)/deployment-branch-policies/(\d+)", drop_branch),
]
