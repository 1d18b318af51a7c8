"""Who may overrule the gate: people with write permission who wrote nothing of the pull request."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.github.client import api

MAY_WRITE = frozenset({"admin", "write"})  # GitHub calls `maintain` write here
WEB_FLOW = "web-flow"  # the committer of commits that are made on GitHub's own pages
NOREPLY = re.compile(r"(?:\d+\+)?([A-Za-z0-9_-]+(?:\[bot\])?)@users\.noreply\.")
CO_AUTHOR = re.compile(r"^co-authored-by:.*<([^<>]+)>\s*$", re.IGNORECASE | re.MULTILINE)


def check(pull: Any, person: str) -> None:
    """PipelineError, in one line, where main's gate.overrule does not let the person overrule this pull request.

    An override is of all pipelines, so the strictest of their rules holds.
    """
    check_permission(person)
    rules = {params.read().gate.overrule for _ in pipelines.each()}
    if "another" in rules:
        check_wrote_nothing(pull, person)


def refusal(pull: Any, person: str) -> str | None:
    """Why main's gate.overrule does not let the person overrule it, in one line; None where it does."""
    try:
        check(pull, person)
    except PipelineError as problem:
        if isinstance(problem, api.RefusedError) and problem.status != 404:  # 404: there is no such account
            raise
        return str(problem)
    return None


def check_permission(person: str) -> None:
    """PipelineError, in one line, where the person may not write to the repository."""
    path = f"collaborators/{quote(person, safe='')}/permission"
    permission = api.call("GET", path, purpose=f"read what @{person} may do")["permission"]
    if permission not in MAY_WRITE:
        raise PipelineError(f"@{person} has the permission {permission!r}; overruling the gate needs 'write'")


def check_wrote_nothing(pull: Any, person: str) -> None:
    """PipelineError, in one line, where the person opened the pull request or wrote a part of it.

    GitHub attributes a commit by its e-mail addresses, which can be forged: this prevents mistakes, not deceit.
    """
    other = "somebody else with write permission must overrule the gate (gate.overrule: another)"
    if _is_same_login(person, (pull["user"] or {}).get("login")):
        raise PipelineError(f"@{person} opened this pull request; {other}")
    path = f"compare/{quote(pull['base']['ref'], safe='')}...{pull['head']['sha']}"
    for commit in api.pages(path, purpose="read who wrote the commits", key="commits"):
        if any(_is_same_login(person, writer) for writer in writers(commit)):
            raise PipelineError(f"@{person} wrote {commit['sha'][:7]} of this pull request; {other}")


def writers(commit: Any) -> Iterator[str]:
    """Logins of a commit's author, committer and co-authors; none for a merge that GitHub made."""
    author, committer = ((commit.get(role) or {}).get("login", "") for role in ("author", "committer"))
    if len(commit["parents"]) > 1 and committer == WEB_FLOW:
        return
    yield from (author, committer)
    for address in CO_AUTHOR.findall(commit["commit"]["message"]):
        if login := NOREPLY.match(address.strip()):
            yield login[1]


def _is_same_login(person: str, login: str | None) -> bool:
    return bool(login) and person.casefold() == str(login).casefold()
