"""Workflows, their runs, jobs, artifacts and dispatches of the stand-in GitHub.

State: workflows {"monitor.yaml": {state, created_at}}; one that is not named there is active. uploads: the folder where
the run that is under way has its artifacts, if any.
"""

from pathlib import Path
from typing import Any

from tests.pipeline.github import shown
from tests.pipeline.github.hub import Hub, Response, Routes
from tests.pipeline.github.repositories import UnknownError

RUN = 1  # that is under way: the id that act gives to every run


def run(hub: Hub, number: str) -> Response:
    return 200, {}, shown.run(hub, hub.find("runs", id=int(number)))


def runs(hub: Hub, workflow: str) -> Response:
    filters = {key: value for key, value in hub.query.items() if key in {"head_sha", "event", "status"}}
    branch = hub.query.get("branch")
    matching = [
        data
        for data in (shown.run(hub, data) for data in hub.state["runs"])
        if data["path"].endswith(f"/{workflow}")
        and all(data[key] == value for key, value in filters.items())
        and branch in {None, data["head_branch"]}
    ]
    newest = sorted(matching, key=lambda data: -data["id"])
    return 200, {}, {"total_count": len(newest), "workflow_runs": hub.page(newest)}


def jobs(hub: Hub, number: str) -> Response:
    run = hub.find("runs", id=int(number))
    matching = [
        {"id": index + 1, "run_id": run["id"], "status": "queued", "conclusion": None, "labels": []} | data
        for index, data in enumerate(hub.state["jobs"])
        if data["run"] == run["id"]
    ]
    return 200, {}, {"total_count": len(matching), "jobs": hub.page([shown.without(data, "run") for data in matching])}


def artifacts(hub: Hub, number: str) -> Response:
    name = hub.query.get("name")
    under_way = int(number) == RUN and "uploads" in hub.state
    listed = not under_way or any(data["id"] == RUN for data in hub.state["runs"])
    run = hub.find("runs", id=int(number)) if listed else {"id": RUN, "head_sha": "0" * 40}
    of_run = [data for data in hub.state["artifacts"] if data["run"] == run["id"]]
    known = {data["name"] for data in of_run}
    of_run += [data for data in _uploads(hub) if under_way and data["name"] not in known]
    matching = [data for data in of_run if name in {None, data["name"]}]
    objects = [shown.artifact(hub, data, run) for data in matching]
    return 200, {}, {"total_count": len(objects), "artifacts": hub.page(objects)}


def _uploads(hub: Hub) -> list[dict[str, Any]]:
    """The artifacts of the run under way, as the stand-in of actions/upload-artifact keeps them."""
    folder = Path(hub.state.get("uploads", ""))
    if "uploads" not in hub.state or not folder.is_dir():
        return []
    return [
        {"id": 900 + index, "name": path.name, "file": str(path)} for index, path in enumerate(sorted(folder.iterdir()))
    ]


def artifact(hub: Hub, number: str) -> Response:
    data = hub.find("artifacts", id=int(number))
    if data.get("expired"):
        raise UnknownError("Artifact has expired", 410)
    return 302, {"Location": f"{hub.url}/_download/{data['id']}"}, None


def workflow(hub: Hub, name: str) -> Response:
    fields = hub.state.get("workflows", {}).get(name, {})
    if fields is None:
        raise UnknownError("Not Found")
    return 200, {}, {"id": 1, "name": name, "path": f".github/workflows/{name}", "state": "active"} | fields


def dispatch(hub: Hub, workflow: str) -> Response:
    if f"heads/{hub.body['ref']}" not in hub.git.refs():
        raise UnknownError(f"No ref found for: {hub.body['ref']}", 422)
    hub.state["dispatches"].append({"workflow": workflow, "inputs": {}} | hub.body)
    return 204, {}, None


ROUTES: Routes = [
    ("GET", r"actions/workflows/([^/]+)", workflow),
    ("GET", r"actions/runs/(\d+)", run),
    ("GET", r"actions/workflows/([^/]+)/runs", runs),
    ("GET", r"actions/runs/(\d+)/jobs", jobs),
    ("GET", r"actions/runs/(\d+)/artifacts", artifacts),
    ("GET", r"actions/artifacts/(\d+)/zip", artifact),
    ("POST", r"actions/workflows/([^/]+)/dispatches", dispatch),
]
