"""The monitor's issues of a pipeline: one open issue of a kind, recognised by its first line, label and author."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import click

from pipeline.core import params
from pipeline.github.client import api
from pipeline.github.client.posting import BOT
from pipeline.github.drift_issue.state import LINE, State, read_state

Kind = Literal["drift", "log", "labels", "reference"]
LABEL = "monitor"
UNPROCESSABLE = 422
MARKER = re.compile(r"<!-- pipeline-monitor (?:pipeline=([a-z0-9-]+) )?kind=(drift|log|labels|reference) -->\s")
PURPOSE = "open the monitor's issue"
CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # GitHub takes the first
EVERYTHING = frozenset({"*", "**", "/**"})
LOGIN = re.compile(r"@([A-Za-z0-9][A-Za-z0-9-]{0,38})")
MAX_ASSIGNEES = 10  # of an issue


@dataclass(frozen=True)
class Issue:
    kind: Kind
    number: int
    url: str
    open: bool
    title: str
    body: str

    @property
    def state(self) -> State:
        return read_state(self.body, f"issue #{self.number}")


def label() -> str:
    """The label of the pipeline's issues, by which they are listed."""
    return params.read().named(LABEL)


def heading() -> str:
    """How the title of each of the pipeline's issues begins."""
    name = params.read().name
    return f"Monitor ({name})" if name else "Monitor"


def render(kind: Kind, state: State, text: str) -> str:
    """The body of an issue of this kind."""
    name = params.read().name
    pipeline = f"pipeline={name} " if name else ""
    return f"<!-- pipeline-monitor {pipeline}kind={kind} -->\n{state}\n{text}"


def with_state(issue: Issue, state: State) -> str:
    """The body of the issue with nothing changed but the state."""
    return LINE.sub(lambda _: str(state), issue.body, count=1)


def read_all() -> list[Issue]:
    """All open issues of the pipeline's monitor, and those of the newest hundred closed ones."""
    return [*_list("open"), *_list("closed")]


def current(existing: Sequence[Issue], kind: Kind) -> Issue | None:
    """The oldest open issue of the kind, else the newest closed one; None where there never was one."""
    of_kind = sorted((issue for issue in existing if issue.kind == kind), key=lambda issue: issue.number)
    return next((issue for issue in of_kind if issue.open), of_kind[-1] if of_kind else None)


def create(kind: Kind, title: str, body: str, assignees: Sequence[str]) -> Issue:
    """Open an issue; the oldest open one where another run opened one as well, or GitHub's response was lost."""
    content = {"title": title, "body": body, "labels": [label(), "drift"] if kind == "drift" else [label()]}
    try:
        created = _post(content | {"assignees": list(assignees)}, kind)
    except api.RefusedError as problem:
        if problem.status != UNPROCESSABLE or not assignees:
            raise
        click.echo(f"warning: nobody was assigned: {problem}", err=True)
        created = _post(content, kind)
    return _close_duplicates(kind, created)


def _close_duplicates(kind: Kind, created: Issue) -> Issue:
    """The oldest open issue of the kind; the others are closed as its duplicates."""
    open_issues = {issue.number: issue for issue in [created, *_open_issues(kind)]}  # the list may lag behind
    first, *others = [open_issues[number] for number in sorted(open_issues)]
    for other in others:
        fields = {"state": "closed", "state_reason": "not_planned", "body": f"A duplicate of #{first.number}."}
        api.call("PATCH", f"issues/{other.number}", fields, purpose="close a duplicate of the monitor's issue")
    return first


def edit(issue: Issue, **changes: str) -> None:
    """Change title, body or state, where they differ."""
    previous = {"title": issue.title, "body": issue.body, "state": "open" if issue.open else "closed"}
    if any(previous.get(name, value) != value for name, value in changes.items()):
        api.call("PATCH", f"issues/{issue.number}", changes, purpose="update the monitor's issue")


def _post(content: dict[str, Any], kind: Kind) -> Issue:
    for last in (False, True):
        try:
            return _issue(api.call("POST", "issues", content, purpose=PURPOSE, retry=False), kind)
        except api.RefusedError as problem:
            if problem.status not in api.RETRIED:
                raise
            if existing := _open_issues(kind):  # the error may have come after the issue was created
                return existing[0]
            if last:
                raise
    raise AssertionError


def _open_issues(kind: Kind) -> list[Issue]:
    return [issue for issue in _list("open") if issue.kind == kind]


def _list(state: str) -> list[Issue]:
    path = f"issues?labels={quote(label(), safe='')}&state={state}"
    issues = api.pages(path, purpose="read the monitor's issues", limit=1 if state == "closed" else 50)
    return [_issue(data, kind) for data in issues if (kind := _kind(data))]


def _kind(data: Any) -> Kind | None:
    """The kind of an issue of this pipeline that the workflow's token wrote: anybody can write the first line."""
    user, marker = data.get("user") or {}, MARKER.match(data.get("body") or "")
    if "pull_request" in data or user.get("login") != BOT or marker is None or marker[1] != params.read().name:
        return None
    kind: Kind = marker[2]  # type: ignore[assignment]
    return kind


def _issue(data: Any, kind: Kind) -> Issue:
    body = (data["body"] or "").replace("\r\n", "\n")
    return Issue(kind, data["number"], data["html_url"], data["state"] == "open", data["title"], body)


__all__ = ["Issue", "Kind", "create", "current", "edit", "read_all", "render", "with_state"]


def assignees(configured: Sequence[str], root: Path = Path()) -> list[str]:
    """The configured logins, else the people that CODEOWNERS names for the whole repository; no teams."""
    return list(dict.fromkeys(name.removeprefix("@") for name in configured or _owners(root)))[:MAX_ASSIGNEES]


def _owners(root: Path) -> list[str]:
    path = next((root / name for name in CODEOWNERS if (root / name).is_file()), None)
    if path is None:
        return []
    lines = [line.partition("#")[0].split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    owners = [words[1:] for words in lines if words and words[0] in EVERYTHING]
    return [login[1] for word in (owners[-1] if owners else []) if (login := LOGIN.fullmatch(word))]
