"""The one comment of a pull request or an issue: by CML, else by `gh`, never twice and never over a newer one."""

import os
import re
import sys
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.core import formats
from pipeline.core.errors import PipelineError
from pipeline.github.client import api, cml
from pipeline.github.client.pulls import NothingToDoError

State = Literal["waiting", "final"]
FORMAT = 1  # of the marker; it says its number from format 2 on, as `<!-- pipeline-report format=2 `
NUMBER = re.compile(r"<!-- pipeline-report format=(\d{1,9}) ")
LINE = re.compile(r"<!-- pipeline-report run=(\d+) attempt=(\d+) head=([0-9a-f]{40}) state=(waiting|final) -->")
TOO_LONG = 422
FIRST_PAGE = 30  # comments that CML looks at
BOT = "github-actions[bot]"
TO, ON_ISSUE = "post the comment", "comment on the issue"


@dataclass(frozen=True)
class Marker:
    """What a comment answers; its first line, which GitHub does not show."""

    run: int
    attempt: int
    head: str
    state: State

    def __str__(self) -> str:
        return f"<!-- pipeline-report run={self.run} attempt={self.attempt} head={self.head} state={self.state} -->"

    def yields_to(self, other: "Marker") -> bool:
        """Whether the other one is newer: of a later run, or the answer where this one only announces."""
        mine, theirs = (self.run, self.attempt), (other.run, other.attempt)
        return theirs > mine or (theirs == mine and self.state == "waiting" and other.state == "final")


@dataclass(frozen=True)
class Comment:
    """Our comment; `cml` is whether CML's `update` would find it, and no other."""

    id: int
    url: str
    body: str
    marker: Marker
    cml: bool


def ours(number: int) -> Comment | None:
    """Our comment, looked for on all pages; where there are several, that of the newest run."""
    listed = list(api.pages(f"issues/{number}/comments", to="read the comments"))
    marked = [index for index, data in enumerate(listed[:FIRST_PAGE]) if cml.WATERMARK.search(data.get("body") or "")]
    found = [_comment(data, marked == [index]) for index, data in enumerate(listed) if _is_ours(data)]
    return max(found, key=lambda comment: (comment.marker.run, comment.marker.attempt, -comment.id), default=None)


def post(number: int, marker: Marker, text: str, *, target: cml.Target = "pr") -> str:
    """Post the text, or put it into our comment; the comment's address.

    NothingToDoError where a newer answer is there, RefusedError where neither CML nor gh may or can.
    """
    found = ours(number)
    if found and marker.yields_to(found.marker):
        raise NothingToDoError(f"run {marker.run}: run {found.marker.run} has answered already; nothing posted")
    body = f"{marker}\n{text}"
    if found is None or found.cml:
        told = cml.comment(f"{target}/{number}", body, update=found is not None)
        posted = _holds(told, marker) or _lookup(number, marker, text)
        if posted:
            return posted.url
        found = found or ours(number)
    try:
        return _by_gh(number, found, body, marker)
    except api.RefusedError as problem:
        if problem.status != TOO_LONG:
            raise
        print(problem, file=sys.stderr)
        return _by_gh(number, found, f"{marker}\n{_short()}", marker)


def _short() -> str:
    """What is said where GitHub takes the address of the report only."""
    job = f"{api.server()}/{api.repository()}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"
    return f"### The report could not be posted\n\nGitHub did not take it; it is the summary of [this job]({job})."


def _by_gh(number: int, found: Comment | None, text: str, marker: Marker) -> str:
    body = f"{text}\n\n{cml.watermark(marker.head)}"
    if found:
        return str(api.call("PATCH", f"issues/comments/{found.id}", {"body": body}, to=TO)["html_url"])
    for last in (False, True):
        try:
            path = f"issues/{number}/comments"
            return str(api.call("POST", path, {"body": body}, to=TO, again=False)["html_url"])
        except api.RefusedError as problem:
            if problem.status not in api.BUSY:
                raise
            posted = ours(number)  # an error may come after the comment was made
            if posted and posted.marker == marker:
                return posted.url
            if last:
                raise
    raise AssertionError


def _holds(number: int | None, marker: Marker) -> Comment | None:
    """The comment that CML says it wrote, where it is ours and holds what it should: the list may lag behind."""
    if number is None:
        return None
    try:
        data = api.call("GET", f"issues/comments/{number}", to="read the comment")
    except api.RefusedError:
        return None
    return _comment(data, True) if _is_ours(data) and str(data["body"]).startswith(str(marker)) else None


def _lookup(number: int, marker: Marker, text: str) -> Comment | None:
    """Our comment, where it holds exactly this answer."""
    found = ours(number)
    wanted = " ".join(f"{marker}\n{text}".split())
    return found if found and " ".join(found.body.split()).startswith(wanted) else None


def _is_ours(data: Any) -> bool:
    """Whether the workflow's token wrote it: anybody can write the marker."""
    user = data.get("user") or {}
    marker = LINE.match(data.get("body") or "") or NUMBER.match(data.get("body") or "")
    return (user.get("login"), user.get("type")) == (BOT, "Bot") and marker is not None


def _comment(data: Any, cml: bool) -> Comment:
    if number := NUMBER.match(data["body"]):
        raise formats.newer(f"comment {data['id']}", int(number[1]), FORMAT)
    said = LINE.match(data["body"])
    if said is None:
        raise PipelineError(f"comment {data['id']}: has lost its first line")
    state: State = "final" if said[4] == "final" else "waiting"
    return Comment(data["id"], data["html_url"], data["body"], Marker(int(said[1]), int(said[2]), said[3], state), cml)


def upsert(number: int, kind: str, text: str) -> None:
    """Post the text on an issue, or put it into what we said there before of the same kind."""
    marker = f"<!-- pipeline-{kind} -->"
    body = f"{marker}\n{text}"
    for data in api.pages(f"issues/{number}/comments", to="read the comments"):
        ours = (data.get("user") or {}).get("login") == BOT
        if ours and (data.get("body") or "").startswith(marker):
            if data["body"] != body:
                api.call("PATCH", f"issues/comments/{data['id']}", {"body": body}, to=ON_ISSUE)
            return
    api.call("POST", f"issues/{number}/comments", {"body": body}, to=ON_ISSUE, again=False)
