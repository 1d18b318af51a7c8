"""What the monitor's issues need of the stand-in GitHub: deployments as they are listed, and a workflow's state.

State: deployments [{id, ref, environment, payload}], deployment_statuses [{deployment, state, created_at}];
workflows: {"monitor.yaml": {state, created_at}} (a workflow that is not named there is active).
"""

from tests.github.hub import Hub, Routes, Said
from tests.github.repositories import UnknownError


def deployments(hub: Hub) -> Said:
    wanted = hub.query.get("environment")
    found = [data for data in hub.state["deployments"] if wanted in {None, data["environment"]}]
    return hub.paged([_deployment(hub, data) for data in sorted(found, key=lambda data: -data["id"])])


def deployment_statuses(hub: Hub, number: str) -> Said:
    hub.one("deployments", id=int(number))
    found = [data for data in hub.state["deployment_statuses"] if data["deployment"] == int(number)]
    shown = [{key: data[key] for key in ("id", "state", "description", "created_at") if key in data} for data in found]
    return hub.paged(shown[::-1])


def workflow(hub: Hub, name: str) -> Said:
    known = hub.state.get("workflows", {}).get(name, {})
    if known is None:
        raise UnknownError("Not Found")
    return 200, {}, {"id": 1, "name": name, "path": f".github/workflows/{name}", "state": "active"} | known


def _deployment(hub: Hub, data: dict[str, object]) -> dict[str, object]:
    return {
        "id": data["id"],
        "ref": data["ref"],
        "sha": hub.git.resolve(str(data["ref"])),
        "environment": data["environment"],
        "payload": data.get("payload", {}),
    }


ROUTES: Routes = [
    ("GET", "deployments", deployments),
    ("GET", r"deployments/(\d+)/statuses", deployment_statuses),
    ("GET", r"actions/workflows/([^/]+)", workflow),
]
