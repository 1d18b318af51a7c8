"""Objects of the stand-in GitHub's responses: the fields that matter, which `contract` completes."""

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.pipeline.github.repositories import UnknownError

if TYPE_CHECKING:
    from tests.pipeline.github.hub import Hub

BODY_LIMIT = 65_536


def pull(hub: "Hub", data: dict[str, Any]) -> dict[str, Any]:
    repository, head, base = hub.state["repository"], data["head"], data.get("base", {})
    source = head.get("repo", repository)
    owner = (source or data.get("owner") or "gone/x").split("/")[0]
    return {
        "number": data["number"],
        "state": data.get("state", "open"),
        "title": data.get("title", "A change"),
        "body": data.get("body"),
        "merged_at": None,
        "user": {"login": data.get("user", "someone"), "type": "User"},
        "labels": [{"name": name} for name in data.get("labels", [])],
        "head": {"ref": head["ref"], "sha": head["sha"], "label": f"{owner}:{head['ref']}", "repo": repo(source)},
        "base": {
            "ref": base.get("ref", hub.state["default_branch"]),
            "sha": hub.git.refs().get(f"heads/{base.get('ref', hub.state['default_branch'])}", "0" * 40),
            "repo": repo(repository),
        },
    } | {key: data[key] for key in ("body", "merged_at", "merge_commit_sha") if key in data}


def issue(hub: "Hub", data: dict[str, Any]) -> dict[str, Any]:
    pull = {"pull_request": {"url": hub.url}} if "head" in data else {}
    return {
        "number": data["number"],
        "title": data.get("title", "x"),
        "state": data.get("state", "open"),
        "body": data.get("body"),
        "html_url": f"{hub.url}/{hub.state['repository']}/issues/{data['number']}",
        "labels": [{"name": name} for name in data.get("labels", [])],
        "user": data.get("user", {"login": "someone", "type": "User"}),
        "assignees": [{"login": login, "type": "User"} for login in data.get("assignees", [])],
    } | pull


def comment(hub: "Hub", data: dict[str, Any]) -> dict[str, Any]:
    page = f"{hub.url}/{hub.state['repository']}/pull/{data['issue']}"
    return {"id": data["id"], "user": data["user"], "body": data["body"]} | {
        "html_url": f"{page}#issuecomment-{data['id']}"
    }


def run(hub: "Hub", data: dict[str, Any]) -> dict[str, Any]:
    source = data.get("head_repository", hub.state["repository"])
    commit = hub.git.commit(data["head_sha"])
    defaults = {"event": "pull_request", "path": ".github/workflows/train.yaml", "status": "completed"}
    return (
        defaults
        | {"conclusion": "success", "run_attempt": 1, "run_number": data["id"], "pull_requests": []}
        | without(data, "head_repository")
        | {
            "html_url": f"{hub.url}/{hub.state['repository']}/actions/runs/{data['id']}",
            "head_repository": repo(source),
            "repository": repo(hub.state["repository"]),
            "head_commit": {"id": data["head_sha"], "tree_id": commit["tree_sha"], "message": commit["message"]},
        }
    )


def artifact(hub: "Hub", data: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    size = data.get("size_in_bytes") or len(zip_bytes(Path(data["file"])))
    created = data.get("created_at", "2026-01-03T00:00:00Z")
    artifact = {"id": data["id"], "name": data["name"], "expired": data.get("expired", False)}
    workflow_run = {"id": run["id"], "head_sha": data.get("head_sha", run["head_sha"])}
    return artifact | {"size_in_bytes": size, "created_at": created, "workflow_run": workflow_run}


def zip_bytes(path: Path) -> bytes:
    """The content of a zip file, or a folder as a zip."""
    if path.is_file():
        return path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                archive.write(file, str(file.relative_to(path)))
    return buffer.getvalue()


def checked_body(body: Any) -> str:
    text = str(body["body"])
    if not text.strip():
        raise UnknownError("Validation Failed: body can't be blank", 422)
    if len(text) > BODY_LIMIT:
        raise UnknownError(f"Validation Failed: body is too long (maximum is {BODY_LIMIT} characters)", 422)
    return text


def matches(data: dict[str, Any], state: str, head: str | None) -> bool:
    return state in {"all", data["state"]} and head in {None, data["head"]["label"]}


def repo(name: str | None) -> dict[str, Any] | None:
    if name is None:
        return None
    owner, short = name.split("/")
    return {"full_name": name, "name": short, "owner": {"login": owner, "type": "User"}}


def status(data: dict[str, Any]) -> dict[str, Any]:
    return {key: data.get(key) for key in ("state", "context", "description", "target_url")} | {"id": data.get("id", 1)}


def account(hub: "Hub", status: dict[str, Any]) -> dict[str, Any]:
    """Who set a status: the token's owner where the state does not say."""
    login = status.get("creator", hub.state["user"]["login"])
    return {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}


def without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in names}
