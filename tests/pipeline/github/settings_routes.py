"""Settings of the stand-in GitHub: Actions, variables, secrets, environments, runners, Pages, packages.

State: actions {enabled, allowed_actions}; actions_may_approve; variables {NAME: VALUE}; secrets [NAME];
organization_variables, organization_secrets; of an environment also `secrets` [NAME]; runners [{name, status, labels}];
labels [NAME]; pages {status}|null; packages {NAME: "owner/name" of the repository that it is linked to}.
"""

from typing import Any

from tests.pipeline.github.hub import Hub, Response, Routes
from tests.pipeline.github.repositories import UnknownError


def actions(hub: Hub) -> Response:
    return 200, {}, {"enabled": True, "allowed_actions": "all"} | hub.state.get("actions", {})


def workflow(hub: Hub) -> Response:
    may = hub.state.get("actions_may_approve", True)
    return 200, {}, {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": may}


def variables(hub: Hub, owner: str) -> Response:
    values = hub.state.get(f"{owner}variables", {})
    return _counted(hub, "variables", [{"name": name, "value": value} for name, value in values.items()])


def secrets(hub: Hub, owner: str) -> Response:
    return _counted(hub, "secrets", [{"name": name} for name in hub.state.get(f"{owner}secrets", [])])


def environments(hub: Hub) -> Response:
    policy = {"protected_branches": False, "custom_branch_policies": True}
    listed = [
        {"name": name, "deployment_branch_policy": None if data["branches"] is None else policy}
        for name, data in hub.state.get("environments", {}).items()
    ]
    return _counted(hub, "environments", listed)


def environment_secrets(hub: Hub, name: str) -> Response:
    if name not in hub.state.get("environments", {}):
        raise UnknownError("Not Found")
    names = hub.state["environments"][name].get("secrets", [])
    return _counted(hub, "secrets", [{"name": secret} for secret in names])


def runners(hub: Hub) -> Response:
    listed = [
        {"id": index + 1, "name": data["name"], "os": "linux", "status": data["status"], "busy": False}
        | {"labels": [{"name": label} for label in data["labels"]]}
        for index, data in enumerate(hub.state.get("runners", []))
    ]
    return _counted(hub, "runners", listed)


def labels(hub: Hub) -> Response:
    return hub.listing([{"name": name} for name in hub.state.get("labels", [])])


def pages(hub: Hub) -> Response:
    if not hub.state.get("pages"):
        raise UnknownError("Not Found")
    return 200, {}, {"html_url": "https://octo.github.io/credit/"} | hub.state["pages"]


def package(hub: Hub, _owner: str, name: str) -> Response:
    if name not in hub.state.get("packages", {}):
        raise UnknownError("Package not found.")
    address = f"https://github.com/users/octo/packages/container/package/{name}"
    linked = hub.state["packages"][name]
    repository = {"repository": {"full_name": linked}} if linked else {}
    return 200, {}, {"name": name, "package_type": "container", "html_url": address} | repository


def _counted(hub: Hub, key: str, items: list[Any]) -> Response:
    return 200, {}, {"total_count": len(items), key: hub.page(items)}


ROUTES: Routes = [
    ("GET", "actions/permissions", actions),
    ("GET", "actions/permissions/workflow", workflow),
    ("GET", r"actions/(organization-|)variables", lambda hub, owner: variables(hub, owner.replace("-", "_"))),
    ("GET", r"actions/(organization-|)secrets", lambda hub, owner: secrets(hub, owner.replace("-", "_"))),
    ("GET", "environments", environments),
    ("GET", r"environments/([^/]+)/secrets", environment_secrets),
    ("GET", "actions/runners", runners),
    ("GET", "labels", labels),
    ("GET", "pages", pages),
    ("GET", r"/?users/([^/]+)/packages/container/([^/]+)", package),
]
