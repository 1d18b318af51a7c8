"""Who may overrule the gate: the permission to write, and who wrote a pull request."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pipeline.core.errors import PipelineError
from pipeline.github.client import api

MAY_WRITE = frozenset({"admin", "write"})  # GitHub calls `maintain` write here
GITHUB = "web-flow"  # the committer of what is committed on GitHub's own pages
NOREPLY = re.compile(r"(?:\d+\+)?([A-Za-z0-9_-]+(?:\[bot\])?)@users\.noreply\.")
CO_AUTHOR = re.compile(r"^co-authored-by:.*<([^<>]+)>\s*$", re.IGNORECASE | re.MULTILINE)


def check_permission(person: str) -> None:
    """PipelineError, in one line, where the person may not write to the repository."""
    path = f"collaborators/{quote(person, safe='')}/permission"
    found = api.call("GET", path, to=f"read what @{person} may do")["permission"]
    if found not in MAY_WRITE:
        raise PipelineError(f"@{person} has the permission {found!r}; overruling the gate needs 'write'")


def check_wrote_nothing(pull: Any, person: str) -> None:
    """PipelineError, in one line, where the person opened the pull request or wrote a part of it.

    Who wrote a commit is what its e-mail addresses say: this stops a slip, not a plot.
    """
    other = "somebody else with write permission must overrule the gate (gate.overrule: another)"
    if _same(person, (pull["user"] or {}).get("login")):
        raise PipelineError(f"@{person} opened this pull request; {other}")
    path = f"compare/{quote(pull['base']['ref'], safe='')}...{pull['head']['sha']}"
    for commit in api.pages(path, to="read who wrote the commits", key="commits"):
        if any(_same(person, writer) for writer in writers(commit)):
            raise PipelineError(f"@{person} wrote {commit['sha'][:7]} of this pull request; {other}")


def writers(commit: Any) -> Iterator[str]:
    """Logins of who wrote a commit: author, committer and co-authors. A merge that GitHub made, nobody wrote."""
    author, committer = ((commit.get(role) or {}).get("login", "") for role in ("author", "committer"))
    if len(commit["parents"]) > 1 and committer == GITHUB:
        return
    yield from (author, committer)
    for address in CO_AUTHOR.findall(commit["commit"]["message"]):
        if found := NOREPLY.match(address.strip()):
            yield found[1]


def _same(person: str, login: str | None) -> bool:
    return bool(login) and person.casefold() == str(login).casefold()
