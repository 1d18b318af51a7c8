"""Pull requests that a workflow opens and changes, as the stand-in GitHub answers; `may_open_pulls` is the setting."""

from tests.pipeline.github import shown
from tests.pipeline.github.hub import Hub, Response, Routes
from tests.pipeline.github.repositories import UnknownError

REFUSED = "GitHub Actions is not permitted to create or approve pull requests."


def new_pull(hub: Hub) -> Response:
    if not hub.state.get("may_open_pulls", True):
        raise UnknownError(REFUSED, 403)
    head, base = hub.body["head"], hub.body["base"]
    if hub.git.resolve(head) == hub.git.resolve(base):
        raise UnknownError("Validation Failed: No commits between the two", 422)
    if any(data["head"]["ref"] == head and data.get("state", "open") == "open" for data in hub.state["pulls"]):
        raise UnknownError("Validation Failed: A pull request already exists", 422)
    data = {
        "number": hub.next_id(),
        "title": hub.body["title"],
        "body": shown.checked_body(hub.body),
        "state": "open",
        "user": hub.state["user"]["login"],
        "labels": [],
        "head": {"ref": head, "sha": hub.git.resolve(head), "repo": hub.state["repository"]},
        "base": {"ref": base},
    }
    hub.state["pulls"].append(data)
    hub.start_runs(data)
    return 201, {}, shown.pull(hub, data)


def change_pull(hub: Hub, number: str) -> Response:
    data = hub.find("pulls", number=int(number))
    data.update(hub.body)
    return 200, {}, shown.pull(hub, data)


ROUTES: Routes = [
    ("POST", "pulls", new_pull),
    ("PATCH", r"pulls/(\d+)", change_pull),
]
