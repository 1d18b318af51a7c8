"""Pull requests, issues, comments and commit statuses of the stand-in GitHub."""

from tests.pipeline.github import shown
from tests.pipeline.github.hub import Hub, Response, Routes
from tests.pipeline.github.repositories import UnknownError


def pulls(hub: Hub) -> Response:
    state, head = hub.query.get("state", "open"), hub.query.get("head")
    objects = [shown.pull(hub, data) for data in hub.state["pulls"]]
    return hub.listing([data for data in objects if shown.matches(data, state, head)])


def pull(hub: Hub, number: str) -> Response:
    data = hub.find("pulls", number=int(number))
    return 200, {}, shown.pull(hub, data) | {"mergeable": hub.mergeable(data)}


def pulls_of_commit(hub: Hub, sha: str) -> Response:
    """Those whose head it is, and the one whose merge brought it."""
    pulls = [data for data in hub.state["pulls"] if sha in {data["head"]["sha"], data.get("merge_commit_sha")}]
    return hub.listing([shown.pull(hub, data) for data in pulls])


def issues(hub: Hub) -> Response:
    labels = set(filter(None, hub.query.get("labels", "").split(",")))
    state = hub.query.get("state", "open")
    labelled = [data for data in hub.state["issues"] if labels <= set(data.get("labels", []))]
    newest = sorted(labelled, key=lambda data: -data["number"])
    return hub.listing([shown.issue(hub, data) for data in newest if state in {"all", data.get("state", "open")}])


def new_issue(hub: Hub) -> Response:
    data = {"number": hub.next_id(), "state": "open", "user": hub.state["user"]} | hub.body
    hub.state["issues"].append(data)
    return 201, {}, shown.issue(hub, data)


def issue(hub: Hub, number: str) -> Response:
    return 200, {}, shown.issue(hub, hub.item(number))


def change_issue(hub: Hub, number: str) -> Response:
    data = hub.item(number)
    data.update(hub.body)
    return 200, {}, shown.issue(hub, data)


def comments(hub: Hub, number: str) -> Response:
    hub.item(number)
    return hub.listing([shown.comment(hub, data) for data in hub.state["comments"] if data["issue"] == int(number)])


def new_comment(hub: Hub, number: str) -> Response:
    hub.item(number)
    data = {"id": hub.next_id(), "issue": int(number), "user": hub.state["user"], "body": shown.checked_body(hub.body)}
    hub.state["comments"].append(data)
    return 201, {}, shown.comment(hub, data)


def comment(hub: Hub, number: str) -> Response:
    return 200, {}, shown.comment(hub, hub.find("comments", id=int(number)))


def change_comment(hub: Hub, number: str) -> Response:
    data = hub.find("comments", id=int(number))
    data["body"] = shown.checked_body(hub.body)
    return 200, {}, shown.comment(hub, data)


def add_labels(hub: Hub, number: str) -> Response:
    data = hub.item(number)
    labels = data.get("labels", [])
    for name in [name for name in hub.body["labels"] if name not in labels]:
        labels = [*labels, name]
        hub.add_event(int(number), "labeled", name)
    data["labels"] = labels
    return 200, {}, [{"name": name} for name in data["labels"]]


def drop_label(hub: Hub, number: str, name: str) -> Response:
    data = hub.item(number)
    if name not in data.get("labels", []):
        raise UnknownError("Label does not exist")
    data["labels"].remove(name)
    hub.add_event(int(number), "unlabeled", name)
    return 200, {}, [{"name": name} for name in data["labels"]]


def events(hub: Hub, number: str) -> Response:
    matching = [data for data in hub.state["events"] if data["issue"] == int(number)]
    return hub.listing(
        [
            {"id": 1 + index, "event": data["event"], "actor": {"login": data["actor"], "type": "User"}}
            | ({"label": {"name": data["label"], "color": "ededed"}} if "label" in data else {})
            | ({"created_at": data["created_at"]} if "created_at" in data else {})
            for index, data in enumerate(matching)
        ]
    )


def permission(hub: Hub, login: str) -> Response:
    role = hub.state["permissions"].get(login, "none")
    legacy = {"maintain": "write", "triage": "read"}.get(role, role)
    return 200, {}, {"permission": legacy, "role_name": role, "user": {"login": login}}


def new_status(hub: Hub, sha: str) -> Response:
    hub.git.commit(sha)
    if len(hub.body.get("description") or "") > 140:
        raise UnknownError("Validation Failed: description is too long (maximum is 140 characters)", 422)
    if any(char > "\uffff" for char in hub.body.get("description") or ""):
        raise UnknownError("Validation Failed: description can't contain 4-byte Unicode", 422)
    data = {"id": hub.next_id(), "sha": sha, "creator": hub.user["login"]} | hub.body
    hub.state["statuses"].append(data)
    return 201, {}, shown.status(data) | {"creator": hub.user}


def statuses(hub: Hub, ref: str) -> Response:
    """All statuses of a commit with their creators, the newest first."""
    sha = hub.git.resolve(ref)
    newest_first = [data for data in reversed(hub.state["statuses"]) if data["sha"] == sha]
    return hub.listing([shown.status(data) | {"creator": shown.account(hub, data)} for data in newest_first])


def status(hub: Hub, ref: str) -> Response:
    sha = hub.git.resolve(ref)
    latest = {data["context"]: data for data in hub.state["statuses"] if data["sha"] == sha}
    states = {data["state"] for data in latest.values()}
    worst = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    objects = [shown.status(data) for data in latest.values()]
    response = {"state": worst, "sha": sha, "total_count": len(objects), "statuses": hub.page(objects)}
    return 200, {}, response | {"repository": {"full_name": hub.state["repository"]}}


ROUTES: Routes = [
    ("GET", "pulls", pulls),
    ("GET", r"pulls/(\d+)", pull),
    ("GET", r"commits/([0-9a-f]{40})/pulls", pulls_of_commit),
    ("GET", "issues", issues),
    ("POST", "issues", new_issue),
    ("GET", r"issues/(\d+)", issue),
    ("PATCH", r"issues/(\d+)", change_issue),
    ("GET", r"issues/(\d+)/comments", comments),
    ("POST", r"issues/(\d+)/comments", new_comment),
    ("GET", r"issues/comments/(\d+)", comment),
    ("PATCH", r"issues/comments/(\d+)", change_comment),
    ("POST", r"issues/(\d+)/labels", add_labels),
    ("DELETE", r"issues/(\d+)/labels/(.+)", drop_label),
    ("GET", r"issues/(\d+)/events", events),
    ("GET", r"collaborators/([^/]+)/permission", permission),
    ("POST", r"statuses/([0-9a-f]{40})", new_status),
    ("GET", r"commits/(.+)/status", status),
    ("GET", r"commits/(.+)/statuses", statuses),
]
