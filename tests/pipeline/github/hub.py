"""The state of the stand-in GitHub, and which route answers a request."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipeline.github import rights
from tests.pipeline.github.repositories import Repository, UnknownError
from tests.pipeline.github.shown import zip_bytes

LISTS = ("pulls", "comments", "statuses", "runs", "jobs", "artifacts", "issues", "events", "calls", "dispatches")
DEPLOYED = ("deployments", "deployment_statuses")
FIRST_PAGE = {"per_page": "30", "page": "1"}
BOT = {"login": "github-actions[bot]", "type": "Bot"}
Response = tuple[int, dict[str, str], Any]
Routes = list[tuple[str, str, Callable[..., Response]]]


@dataclass
class Fault:
    """Misbehaviour on demand; `times` is how often it is still to happen (None: always)."""

    options: dict[str, Any]
    times: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.times = self.options.get("times", 1)
        self.status, self.headers = self.options.get("status"), self.options.get("headers", {})
        self.body = self.options.get("body", {"message": "stand-in misbehaves"})
        self.slow, self.done = self.options.get("slow", 0), self.options.get("done", False)

    def applies(self, method: str, path: str) -> bool:
        matches = self.options["method"] == method and re.search(self.options["path"], path) is not None
        return matches and (self.times is None or self.times > 0)


class Hub:
    def __init__(self, state: dict[str, Any], git: Path | None, routes: "Routes") -> None:
        empty: dict[str, Any] = {name: [] for name in LISTS + DEPLOYED} | {
            "violations": [],
            "permissions": {},
            "tokens": {},
            "commits": {},
            "refs": {},
        }
        self.state = empty | {"default_branch": "main", "user": BOT}
        self.faults, self.routes = list[Fault](), routes
        self.asked = set[tuple[str, str]]()  # heads and bases whose mergeability somebody wanted to know
        self.lock = threading.RLock()
        self.update(state)
        self.git = Repository(self.state, git)

    def update(self, state: dict[str, Any]) -> None:
        self.state.update(state)
        for comment in self.state["comments"]:
            comment.setdefault("id", self.next_id())
            comment.setdefault("user", {"login": "someone", "type": "User"})

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            fault = next((fault for fault in self.faults if fault.applies(method, path)), None)
            if fault and fault.times is not None:
                fault.times -= 1
            return fault

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, url: str, token: str) -> Response:
        """Status, headers and the fields of the response that matter."""
        self.url, self.query, self.body, self.token = url, FIRST_PAGE | query, body, token
        if not rights.allows(self.state["tokens"].get(token, {}).get("permissions"), method, path):
            return 403, {}, {"message": "Resource not accessible by integration"}
        for route_method, pattern, route in self.routes:
            match = re.fullmatch(pattern, path) if route_method == method else None
            if match:
                try:
                    return route(self, *match.groups())
                except UnknownError as problem:
                    return problem.status, {}, {"message": str(problem)}
        return 404, {}, {"message": "Not Found"}

    def zip(self, path: str) -> bytes:
        """The bytes of a download, by its address."""
        artifact = self.find("artifacts", id=int(path.rsplit("/", 1)[1]))
        return zip_bytes(Path(artifact["file"]))

    def find(self, name: str, **fields: Any) -> dict[str, Any]:
        for data in self.state[name]:
            if all(data.get(key) == value for key, value in fields.items()):
                assert isinstance(data, dict)
                return data
        raise UnknownError("Not Found")

    def item(self, number: str) -> dict[str, Any]:
        """The issue or pull request of this number."""
        for name in ("pulls", "issues"):
            for data in self.state[name]:
                if data["number"] == int(number):
                    assert isinstance(data, dict)
                    return data
        raise UnknownError("Not Found")

    @property
    def user(self) -> dict[str, Any]:
        """Whose token the request has."""
        user: dict[str, Any] = self.state["tokens"].get(self.token, {}).get("user", self.state["user"])
        return user

    def add_event(self, issue: int, event: str, label: str) -> None:
        self.state["events"].append({"issue": issue, "event": event, "label": label, "actor": self.user["login"]})

    def start_runs(self, pull: dict[str, Any]) -> None:
        """The runs of a pull request that a workflow's token opened or pushed to: they wait for a person's approval."""
        if self.user["type"] != "Bot":
            return
        for workflow in ("train.yaml", "test.yaml"):
            number = max((int(run["id"]) for run in self.state["runs"]), default=0) + 1
            fields = {"id": number, "path": f".github/workflows/{workflow}", "event": "pull_request"}
            head = {"head_sha": pull["head"]["sha"], "head_branch": pull["head"]["ref"]}
            waiting = {"status": "completed", "conclusion": "action_required"}
            self.state["runs"] = [*self.state["runs"], fields | head | waiting]

    def mergeable(self, pull: dict[str, Any]) -> bool | None:
        """Whether main merges without a conflict. GitHub only begins to find out when it is asked the first time."""
        base = pull.get("base", {}).get("ref", self.state["default_branch"])
        commits = (pull["head"]["sha"], self.git.refs().get(f"heads/{base}", ""))
        if commits not in self.asked:
            self.asked.add(commits)
            return None
        return self.git.merges(*commits)

    def next_id(self) -> int:
        self.state["last_id"] = self.state.get("last_id", 1000) + 1
        return int(self.state["last_id"])

    def listing(self, items: list[Any]) -> Response:
        return 200, {}, self.page(items)

    def page(self, items: list[Any]) -> list[Any]:
        size, number = min(int(self.query["per_page"]), 100), int(self.query["page"])
        return items[(number - 1) * size : number * size]
