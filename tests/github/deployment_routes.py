"""Deployments of the stand-in GitHub, and their statuses."""

from tests.github.hub import Hub, Routes, Said
from tests.github.repositories import UnknownError


def new_deployment(hub: Hub) -> Said:
    data = {"id": hub.next()} | hub.body
    hub.state["deployments"].append(data)
    return 201, {}, {key: data[key] for key in ("id", "ref", "environment", "description") if key in data}


def new_status(hub: Hub, number: str) -> Said:
    deployment = hub.one("deployments", id=int(number))
    if len(hub.body.get("description", "")) > 140:
        raise UnknownError("description is too long (maximum is 140 characters)", 422)
    data = {"id": hub.next(), "deployment": deployment["id"]} | hub.body
    hub.state["deployment_statuses"].append(data)
    return 201, {}, {key: data[key] for key in ("id", "state", "description") if key in data}


ROUTES: Routes = [
    ("POST", r"deployments", new_deployment),
    ("POST", r"deployments/(\d+)/statuses", new_status),
]
