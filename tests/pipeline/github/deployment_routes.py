"""Deployments of the stand-in GitHub, and their statuses.

State: deployments [{id, ref, environment, payload}], deployment_statuses [{deployment, state, created_at}].
"""

from tests.pipeline.github.hub import Hub, Response, Routes
from tests.pipeline.github.repositories import UnknownError


def new_deployment(hub: Hub) -> Response:
    data = {"id": hub.next_id()} | hub.body
    hub.state["deployments"].append(data)
    return 201, {}, {key: data[key] for key in ("id", "ref", "environment", "description") if key in data}


def new_status(hub: Hub, number: str) -> Response:
    deployment = hub.find("deployments", id=int(number))
    if len(hub.body.get("description", "")) > 140:
        raise UnknownError("description is too long (maximum is 140 characters)", 422)
    data = {"id": hub.next_id(), "deployment": deployment["id"]} | hub.body
    hub.state["deployment_statuses"].append(data)
    return 201, {}, {key: data[key] for key in ("id", "state", "description") if key in data}


def deployments(hub: Hub) -> Response:
    environment = hub.query.get("environment")
    matching = [data for data in hub.state["deployments"] if environment in {None, data["environment"]}]
    return hub.listing([_deployment(hub, data) for data in sorted(matching, key=lambda data: -data["id"])])


def deployment_statuses(hub: Hub, number: str) -> Response:
    hub.find("deployments", id=int(number))
    matching = [data for data in hub.state["deployment_statuses"] if data["deployment"] == int(number)]
    objects = [
        {key: data[key] for key in ("id", "state", "description", "created_at") if key in data} for data in matching
    ]
    return hub.listing(objects[::-1])


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
    ("POST", r"deployments", new_deployment),
    ("POST", r"deployments/(\d+)/statuses", new_status),
]
