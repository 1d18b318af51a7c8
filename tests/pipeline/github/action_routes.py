"""Workflows, their runs, jobs, artifacts and dispatches of the stand-in GitHub.

State: workflows {"monitor.yaml": {state, created_at}}; one that is not named there is active.
"""

from tests.pipeline.github import shown
from tests.pipeline.github.hub import Hub, Routes, Said
from tests.pipeline.github.repositories import UnknownError


def run(hub: Hub, number: str) -> Said:
    return 200, {}, shown.run(hub, hub.one("runs", id=int(number)))


def runs(hub: Hub, workflow: str) -> Said:
    wanted = {key: value for key, value in hub.query.items() if key in {"head_sha", "event", "status"}}
    branch = hub.query.get("branch")
    found = [
        data
        for data in (shown.run(hub, data) for data in hub.state["runs"])
        if data["path"].endswith(f"/{workflow}")
        and all(data[key] == value for key, value in wanted.items())
        and branch in {None, data["head_branch"]}
    ]
    newest = sorted(found, key=lambda data: -data["id"])
    return 200, {}, {"total_count": len(newest), "workflow_runs": hub.cut(newest)}


def jobs(hub: Hub, number: str) -> Said:
    run = hub.one("runs", id=int(number))
    found = [
        {"id": place + 1, "run_id": run["id"], "status": "queued", "conclusion": None, "labels": []} | data
        for place, data in enumerate(hub.state["jobs"])
        if data["run"] == run["id"]
    ]
    return 200, {}, {"total_count": len(found), "jobs": hub.cut([shown.without(data, "run") for data in found])}


def artifacts(hub: Hub, number: str) -> Said:
    run, name = hub.one("runs", id=int(number)), hub.query.get("name")
    found = [data for data in hub.state["artifacts"] if data["run"] == run["id"] and name in {None, data["name"]}]
    listed = [shown.artifact(hub, data, run) for data in found]
    return 200, {}, {"total_count": len(listed), "artifacts": hub.cut(listed)}


def artifact(hub: Hub, number: str) -> Said:
    data = hub.one("artifacts", id=int(number))
    if data.get("expired"):
        raise UnknownError("Artifact has expired", 410)
    return 302, {"Location": f"{hub.url}/_download/{data['id']}"}, None


def workflow(hub: Hub, name: str) -> Said:
    known = hub.state.get("workflows", {}).get(name, {})
    if known is None:
        raise UnknownError("Not Found")
    return 200, {}, {"id": 1, "name": name, "path": f".github/workflows/{name}", "state": "active"} | known


def dispatch(hub: Hub, workflow: str) -> Said:
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
