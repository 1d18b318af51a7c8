"""The monitor's issues: one open issue of a kind, known by its first line, its label and its author."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from pipeline.github.client import api
from pipeline.github.client.posting import BOT
from pipeline.github.drift_issue.state import LINE, Memory, recalled

Kind = Literal["drift", "log", "labels", "reference"]
LABEL = "monitor"
INVALID = 422
MARK = re.compile(r"<!-- pipeline-monitor kind=(drift|log|labels|reference) -->\s")
TO = "open the monitor's issue"
CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # GitHub takes the first
WHOLE = frozenset({"*", "**", "/**"})
LOGIN = re.compile(r"@([A-Za-z0-9][A-Za-z0-9-]{0,38})")
ASSIGNEES = 10  # of an issue, at most


@dataclass(frozen=True)
class Issue:
    kind: Kind
    number: int
    url: str
    open: bool
    title: str
    body: str

    @property
    def memory(self) -> Memory:
        return recalled(self.body, f"issue #{self.number}")


def written(kind: Kind, memory: Memory, text: str) -> str:
    """The body of an issue of this kind."""
    return f"<!-- pipeline-monitor kind={kind} -->\n{memory}\n{text}"


def remembering(issue: Issue, memory: Memory) -> str:
    """The body of the issue with nothing changed but what it remembers."""
    return LINE.sub(lambda _: str(memory), issue.body, count=1)


def ours() -> list[Issue]:
    """All issues of the monitor that are open, and those closed ones that are among the newest hundred."""
    return [*_listed("open"), *_listed("closed")]


def current(known: Sequence[Issue], kind: Kind) -> Issue | None:
    """The oldest open issue of the kind, else the newest that was closed; None where there was never one."""
    of_kind = sorted((issue for issue in known if issue.kind == kind), key=lambda issue: issue.number)
    return next((issue for issue in of_kind if issue.open), of_kind[-1] if of_kind else None)


def opened(kind: Kind, title: str, body: str, assignees: Sequence[str]) -> Issue:
    """Open an issue; where another run opened one as well, or an answer was lost, the first that is there."""
    content = {"title": title, "body": body, "labels": [LABEL, "drift"] if kind == "drift" else [LABEL]}
    try:
        made = _open(content | {"assignees": list(assignees)}, kind)
    except api.RefusedError as problem:
        if problem.status != INVALID or not assignees:
            raise
        click.echo(f"warning: nobody was assigned: {problem}", err=True)
        made = _open(content, kind)
    return _settled(kind, made)


def _settled(kind: Kind, made: Issue) -> Issue:
    """The one open issue of the kind; others that were opened beside it are closed as its duplicates."""
    standing = {issue.number: issue for issue in [made, *_open_ones(kind)]}  # the list may lag behind
    first, *others = [standing[number] for number in sorted(standing)]
    for other in others:
        closed = {"state": "closed", "state_reason": "not_planned", "body": f"A duplicate of #{first.number}."}
        api.call("PATCH", f"issues/{other.number}", closed, to="close a duplicate of the monitor's issue")
    return first


def changed(issue: Issue, **changes: str) -> None:
    """Change title, body or state where they differ."""
    known = {"title": issue.title, "body": issue.body, "state": "open" if issue.open else "closed"}
    if any(known.get(name, value) != value for name, value in changes.items()):
        api.call("PATCH", f"issues/{issue.number}", changes, to="update the monitor's issue")


def _open(content: dict[str, Any], kind: Kind) -> Issue:
    for last in (False, True):
        try:
            return _issue(api.call("POST", "issues", content, to=TO, again=False), kind)
        except api.RefusedError as problem:
            if problem.status not in api.BUSY:
                raise
            if found := _open_ones(kind):  # an error may come after the issue was made
                return found[0]
            if last:
                raise
    raise AssertionError


def _open_ones(kind: Kind) -> list[Issue]:
    return [issue for issue in _listed("open") if issue.kind == kind]


def _listed(state: str) -> list[Issue]:
    path = f"issues?labels={LABEL}&state={state}"
    found = api.pages(path, to="read the monitor's issues", limit=1 if state == "closed" else 50)
    return [_issue(data, kind) for data in found if (kind := _kind(data))]


def _kind(data: Any) -> Kind | None:
    """The kind of an issue that the workflow's token wrote: anybody can write the first line."""
    user, marked = data.get("user") or {}, MARK.match(data.get("body") or "")
    if "pull_request" in data or user.get("login") != BOT or marked is None:
        return None
    kind: Kind = marked[1]  # type: ignore[assignment]
    return kind


def _issue(data: Any, kind: Kind) -> Issue:
    body = (data["body"] or "").replace("\r\n", "\n")
    return Issue(kind, data["number"], data["html_url"], data["state"] == "open", data["title"], body)


__all__ = ["Issue", "Kind", "changed", "current", "opened", "ours", "remembering", "written"]


def assignees(named: Sequence[str], root: Path = Path()) -> list[str]:
    """The configured logins, else the people that CODEOWNERS names for the whole repository; no teams."""
    return list(dict.fromkeys(name.removeprefix("@") for name in named or _owners(root)))[:ASSIGNEES]


def _owners(root: Path) -> list[str]:
    path = next((root / place for place in CODEOWNERS if (root / place).is_file()), None)
    if path is None:
        return []
    lines = [line.partition("#")[0].split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    whole = [words[1:] for words in lines if words and words[0] in WHOLE]
    return [found[1] for word in (whole[-1] if whole else []) if (found := LOGIN.fullmatch(word))]
