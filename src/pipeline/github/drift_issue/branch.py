"""A branch that a workflow owns: one commit on main, made with the API, so that no credentials to push are needed."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.core.errors import PipelineError
from pipeline.core.git import blob_hash, git
from pipeline.github.client import api
from pipeline.github.client.posting import BOT

PURPOSE = "write the branch"


def write(name: str, path: str, text: str, message: str) -> tuple[str, bool]:
    """Set the branch to this checkout's commit with one file changed; its head, and whether it moved.

    A branch that has this already stays, with what was recorded on top. PipelineError where people committed to it.
    """
    base, tree = git(Path(), "rev-parse", "HEAD", "HEAD^{tree}").stdout.split()
    head = _head(name)
    if head is not None:
        comparison = api.call("GET", f"compare/{base}...{quote(name, safe='')}", purpose="compare the branch with main")
        if comparison["behind_by"] == 0 and _blob(comparison, path) == blob_hash(text.encode()):
            return head, False
        _check_no_other_author(name, comparison)
    entry = {"path": path, "mode": "100644", "type": "blob", "content": text}
    new_tree = api.call("POST", "git/trees", {"base_tree": tree, "tree": [entry]}, purpose=PURPOSE)["sha"]
    body = {"message": message, "tree": new_tree, "parents": [base]}
    commit = str(api.call("POST", "git/commits", body, purpose=PURPOSE)["sha"])
    if head is None:
        api.call("POST", "git/refs", {"ref": f"refs/heads/{name}", "sha": commit}, purpose=PURPOSE)
    else:
        api.call("PATCH", f"git/refs/{quote(f'heads/{name}')}", {"sha": commit, "force": True}, purpose=PURPOSE)
    return commit, True


def _head(name: str) -> str | None:
    try:
        return str(api.call("GET", f"git/ref/{quote(f'heads/{name}')}", purpose="read the branch")["object"]["sha"])
    except api.RefusedError as problem:
        if problem.status == 404:
            return None
        raise


def _blob(comparison: Any, path: str) -> str | None:
    files = comparison.get("files", [])
    return next((file["sha"] for file in files if file["filename"] == path and file["status"] != "removed"), None)


def _check_no_other_author(name: str, comparison: Any) -> None:
    """PipelineError where a person has committed to the branch; merging main into it is allowed."""
    for commit in comparison["commits"]:
        author = (commit.get("author") or {}).get("login") or "somebody"
        if author != BOT and len(commit["parents"]) < 2:
            raise PipelineError(
                f"branch {name}: holds {commit['sha'][:7]} by {re.sub(r'[^A-Za-z0-9_-]', '', author)}, which would be "
                "lost; merge or delete the branch, then retrain again"
            )
