"""What the stand-in GitHub knows, and which route answers."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipeline.github.repositories import Repository, UnknownError
from tests.pipeline.github.shown import packed

LISTS = ("pulls", "comments", "statuses", "runs", "jobs", "artifacts", "issues", "events", "calls", "dispatches")
DEPLOYED = ("deployments", "deployment_statuses")
PLACE = {"per_page": "30", "page": "1"}
BOT = {"login": "github-actions[bot]", "type": "Bot"}
Said = tuple[int, dict[str, str], Any]
Routes = list[tuple[str, str, Callable[..., Said]]]


@dataclass
class Fault:
    """Misbehaviour on demand; `times` is how often it is still to happen (None: always)."""

    how: dict[str, Any]
    times: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.times = self.how.get("times", 1)
        self.status, self.headers = self.how.get("status"), self.how.get("headers", {})
        self.body = self.how.get("body", {"message": "stand-in misbehaves"})
        self.slow, self.done = self.how.get("slow", 0), self.how.get("done", False)

    def fits(self, method: str, path: str) -> bool:
        wanted = self.how["method"] == method and re.search(self.how["path"], path) is not None
        return wanted and (self.times is None or self.times > 0)


class Hub:
    def __init__(self, state: dict[str, Any], git: Path | None, routes: "Routes") -> None:
        empty: dict[str, Any] = {name: [] for name in LISTS + DEPLOYED} | {
            "violations": [],
            "permissions": {},
            "commits": {},
            "refs": {},
        }
        self.state = empty | {"default_branch": "main", "user": BOT}
        self.faults, self.routes = list[Fault](), routes
        self.lock = threading.RLock()
        self.update(state)
        self.git = Repository(self.state, git)

    def update(self, state: dict[str, Any]) -> None:
        self.state.update(state)
        for comment in self.state["comments"]:
            comment.setdefault("id", self.next())
            comment.setdefault("user", {"login": "someone", "type": "User"})

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            found = next((fault for fault in self.faults if fault.fits(method, path)), None)
            if found and found.times is not None:
                found.times -= 1
            return found

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, url: str) -> Said:
        """Status, headers and what matters of the answer."""
        self.url, self.query, self.body = url, PLACE | query, body
        for wanted, pattern, route in self.routes:
            found = re.fullmatch(pattern, path) if wanted == method else None
            if found:
                try:
                    return route(self, *found.groups())
                except UnknownError as problem:
                    return problem.status, {}, {"message": str(problem)}
        return 404, {}, {"message": "Not Found"}

    def zip(self, path: str) -> bytes:
        """The bytes behind a download's address."""
        artifact = self.one("artifacts", id=int(path.rsplit("/", 1)[1]))
        return packed(Path(artifact["file"]))

    def one(self, name: str, **wanted: Any) -> dict[str, Any]:
        for data in self.state[name]:
            if all(data.get(key) == value for key, value in wanted.items()):
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

    def next(self) -> int:
        self.state["last_id"] = self.state.get("last_id", 1000) + 1
        return int(self.state["last_id"])

    def paged(self, items: list[Any]) -> Said:
        return 200, {}, self.cut(items)

    def cut(self, items: list[Any]) -> list[Any]:
        size, page = min(int(self.query["per_page"]), 100), int(self.query["page"])
        return items[(page - 1) * size : page * size]
