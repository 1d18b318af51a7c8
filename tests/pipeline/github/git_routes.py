"""Branches, commits and their differences, as the stand-in GitHub answers."""

from tests.pipeline.github import repositories
from tests.pipeline.github.hub import BOT, Hub, Response, Routes
from tests.pipeline.github.repositories import UnknownError

WORKFLOWS = ".github/workflows/"  # the workflow's token may push no commit that changes these


def repository(hub: Hub) -> Response:
    role = hub.state["permissions"].get(hub.user["login"])
    rights = {"admin": role == "admin", "push": role in {"admin", "maintain", "write"}, "pull": True}
    visibility = hub.state.get("visibility", "public")
    fields = {"full_name": hub.state["repository"], "default_branch": hub.state["default_branch"]}
    return 200, {}, fields | {"visibility": visibility, "private": visibility != "public", "permissions": rights}


def compare(hub: Hub, basehead: str) -> Response:
    return 200, {}, hub.git.compare(basehead)


def ref(hub: Hub, name: str) -> Response:
    refs = hub.git.refs()
    if name not in refs:
        raise UnknownError("Not Found")
    return 200, {}, repositories.ref(name, refs[name])


def new_ref(hub: Hub) -> Response:
    name = hub.body["ref"].removeprefix("refs/")
    if name in hub.git.refs():
        raise UnknownError("Reference already exists", 422)
    hub.state["refs"][name] = hub.git.resolve(hub.body["sha"])
    return 201, {}, repositories.ref(name, hub.body["sha"])


def move_ref(hub: Hub, name: str) -> Response:
    if hub.state["user"] == BOT and name in hub.git.refs():
        before, after = (hub.git.commit(sha)["tree"] for sha in (hub.git.refs()[name], hub.body["sha"]))
        if any(before.get(path) != after.get(path) for path in {*before, *after} if path.startswith(WORKFLOWS)):
            raise UnknownError("Resource not accessible by integration", 403)
    hub.git.move(name, hub.body["sha"], hub.body.get("force", False))
    for data in hub.state["pulls"]:
        if (
            f"heads/{data['head']['ref']}" == name
            and data["head"].get("repo", hub.state["repository"]) == hub.state["repository"]
        ):
            data["head"]["sha"] = hub.body["sha"]
            hub.start_runs(data)
    return 200, {}, repositories.ref(name, hub.body["sha"])


def new_blob(hub: Hub) -> Response:
    return 201, {}, {"sha": hub.git.new_blob(hub.body), "url": hub.url}


def new_tree(hub: Hub) -> Response:
    sha, entries = hub.git.new_tree(hub.body)
    return 201, {}, {"sha": sha, "tree": entries, "truncated": False}


def new_commit(hub: Hub) -> Response:
    return 201, {}, hub.git.new_commit(hub.body)


ROUTES: Routes = [
    ("GET", "", repository),
    ("GET", r"compare/(.+)", compare),
    ("GET", r"git/ref/(.+)", ref),
    ("POST", "git/refs", new_ref),
    ("PATCH", r"git/refs/(.+)", move_ref),
    ("POST", "git/blobs", new_blob),
    ("POST", "git/trees", new_tree),
    ("POST", "git/commits", new_commit),
]
