"""The one comment of a pull request or issue: posted by CML, else by `gh`, never twice and never over a newer one."""

import os
import re
import sys
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.core import format_numbers
from pipeline.github.client import api, cml
from pipeline.github.client.pulls import NothingToDoError

State = Literal["waiting", "final"]
FORMAT = 1  # of the marker; its number is written from format 2 on, as `<!-- pipeline-report format=2 `
NUMBER = re.compile(r"<!-- pipeline-report format=(\d{1,9}) ")
LINE = re.compile(
    r"<!-- pipeline-report (?:pipeline=([a-z0-9-]+) )?"
    r"run=(\d+) attempt=(\d+) head=([0-9a-f]{40}) state=(waiting|final) -->"
)
TOO_LONG = 422
FIRST_PAGE = 30  # comments that CML reads
BOT = "github-actions[bot]"
PURPOSE, ISSUE_PURPOSE = "post the comment", "comment on the issue"


@dataclass(frozen=True)
class Marker:
    """The run and pipeline (empty: the only one) that a comment reports on: its first line, which GitHub hides."""

    run: int
    attempt: int
    head: str
    state: State
    pipeline: str = ""

    def __str__(self) -> str:
        name = f"pipeline={self.pipeline} " if self.pipeline else ""
        return (
            f"<!-- pipeline-report {name}run={self.run} attempt={self.attempt} head={self.head} state={self.state} -->"
        )

    def is_older_than(self, other: "Marker") -> bool:
        """Whether the other one is of a later run, or the final one where this one only announces."""
        attempt, other_attempt = (self.run, self.attempt), (other.run, other.attempt)
        return other_attempt > attempt or (
            other_attempt == attempt and self.state == "waiting" and other.state == "final"
        )


@dataclass(frozen=True)
class Comment:
    """The bot's comment; `cml` is whether CML's `update` would find this comment and no other."""

    id: int
    url: str
    body: str
    marker: Marker
    cml: bool


def find_comment(number: int, pipeline: str = "") -> Comment | None:
    """The bot's comment on a pipeline, searched on all pages; where there are several, that of the newest run."""
    comments = list(api.pages(f"issues/{number}/comments", purpose="read the comments"))
    first, watermark = comments[:FIRST_PAGE], cml.pattern(pipeline)
    watermarked = [index for index, data in enumerate(first) if watermark.search(data.get("body") or "")]
    reports = [_comment(data, watermarked == [index]) for index, data in enumerate(comments) if _is_report(data)]
    own = [report for report in reports if report.marker.pipeline == pipeline]
    return max(own, key=lambda comment: (comment.marker.run, comment.marker.attempt, -comment.id), default=None)


def post(number: int, marker: Marker, text: str, *, target: cml.Target = "pr") -> str:
    """Post the text, or replace the bot's comment by it; the comment's address.

    NothingToDoError where there is a newer comment, RefusedError where neither CML nor gh may or can post.
    """
    existing = find_comment(number, marker.pipeline)
    if existing and marker.is_older_than(existing.marker):
        raise NothingToDoError(f"run {marker.run}: run {existing.marker.run} has answered already; nothing posted")
    body = f"{marker}\n{text}"
    if existing is None or existing.cml:
        comment_id = cml.comment(f"{target}/{number}", body, marker.pipeline, update=existing is not None)
        posted = _read_posted(comment_id, marker) or _find_posted(number, marker, text)
        if posted:
            return posted.url
        existing = existing or find_comment(number, marker.pipeline)
    try:
        return _post_with_gh(number, existing, body, marker)
    except api.RefusedError as problem:
        if problem.status != TOO_LONG:
            raise
        print(problem, file=sys.stderr)
        return _post_with_gh(number, existing, f"{marker}\n{_replacement()}", marker)


def _replacement() -> str:
    """The comment where GitHub refuses the report itself: where to find it."""
    job = f"{api.server()}/{api.repository()}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"
    return f"### The report could not be posted\n\nGitHub did not take it; it is the summary of [this job]({job})."


def _post_with_gh(number: int, existing: Comment | None, text: str, marker: Marker) -> str:
    body = text + cml.watermark(marker.head, marker.pipeline)
    if existing:
        return str(api.call("PATCH", f"issues/comments/{existing.id}", {"body": body}, purpose=PURPOSE)["html_url"])
    for last in (False, True):
        try:
            path = f"issues/{number}/comments"
            return str(api.call("POST", path, {"body": body}, purpose=PURPOSE, retry=False)["html_url"])
        except api.RefusedError as problem:
            if problem.status not in api.RETRIED:
                raise
            posted = find_comment(number, marker.pipeline)  # the error may have come after the comment was created
            if posted and posted.marker == marker:
                return posted.url
            if last:
                raise
    raise AssertionError


def _read_posted(comment_id: int | None, marker: Marker) -> Comment | None:
    """The comment that CML reports, where it is the bot's and has the marker: the list may lag behind."""
    if comment_id is None:
        return None
    try:
        data = api.call("GET", f"issues/comments/{comment_id}", purpose="read the comment")
    except api.RefusedError:
        return None
    return _comment(data, True) if _is_report(data) and str(data["body"]).startswith(str(marker)) else None


def _find_posted(number: int, marker: Marker, text: str) -> Comment | None:
    """The bot's comment, where it has exactly this text."""
    comment = find_comment(number, marker.pipeline)
    expected = " ".join(f"{marker}\n{text}".split())
    return comment if comment and " ".join(comment.body.split()).startswith(expected) else None


def is_by_bot(data: Any) -> bool:
    """Whether the workflow's token wrote the comment: anybody can write what is in it."""
    user = data.get("user") or {}
    return (user.get("login"), user.get("type")) == (BOT, "Bot")


def _is_report(data: Any) -> bool:
    """Whether it has the marker and the workflow's token wrote it."""
    marker = LINE.match(data.get("body") or "") or NUMBER.match(data.get("body") or "")
    return is_by_bot(data) and marker is not None


def _comment(data: Any, cml: bool) -> Comment:
    if number := NUMBER.match(data["body"]):
        raise format_numbers.newer(f"comment {data['id']}", int(number[1]), FORMAT)
    line = LINE.match(data["body"])
    assert line is not None  # or it is no report
    state: State = "final" if line[5] == "final" else "waiting"
    marker = Marker(int(line[2]), int(line[3]), line[4], state, line[1] or "")
    return Comment(data["id"], data["html_url"], data["body"], marker, cml)


def upsert(number: int, kind: str, text: str) -> None:
    """Post the text on an issue or pull request, or replace the bot's earlier comment of the same kind by it."""
    marker = f"<!-- pipeline-{kind} -->"
    body = f"{marker}\n{text}"
    for data in api.pages(f"issues/{number}/comments", purpose="read the comments"):
        by_bot = (data.get("user") or {}).get("login") == BOT
        if by_bot and (data.get("body") or "").startswith(marker):
            if data["body"] != body:
                api.call("PATCH", f"issues/comments/{data['id']}", {"body": body}, purpose=ISSUE_PURPOSE)
            return
    api.call("POST", f"issues/{number}/comments", {"body": body}, purpose=ISSUE_PURPOSE, retry=False)
