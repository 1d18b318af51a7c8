"""What git makes of merging main into a pull request's head. Nothing of the pull request is checked out."""

import base64
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError, last_line
from pipeline.core.git import git
from pipeline.github.client import api

WORKFLOWS = ".github/workflows"


@dataclass(frozen=True)
class Merge:
    """The paths that conflict, and the merged tree, which only this clone holds. `main` and `head` are commits."""

    main: str
    head: str
    conflicts: tuple[str, ...]
    tree: str

    @property
    def changes_workflows(self) -> bool:
        """Whether the merge gives the head other workflow files, which a workflow's token may not push."""
        return _object(self.head, WORKFLOWS) != _object(self.tree, WORKFLOWS)

    def entries(self) -> list[dict[str, Any]]:
        """What differs from the head's tree, as GitHub's API takes it; where it conflicts, the file is main's."""
        fields = _read("diff-tree", "-r", "-z", "--no-renames", self.head, self.tree).split("\0")
        changed = {path: meta.split()[1:4:2] for meta, path in zip(fields[::2], fields[1::2], strict=False)}
        conflicts = {path: ["100644", _object(self.main, path)] for path in self.conflicts}
        return [self._entry(path, mode, blob) for path, (mode, blob) in sorted((changed | conflicts).items())]

    def _entry(self, path: str, mode: str, blob: str) -> dict[str, Any]:
        if mode == "000000":
            return {"path": path, "mode": "100644", "type": "blob", "sha": None}
        if mode != "160000" and blob != _object(self.main, path):  # merged line by line: GitHub has no such blob yet
            blob = _upload(blob)
        return {"path": path, "mode": mode, "type": "commit" if mode == "160000" else "blob", "sha": blob}


def merge(main: str, number: int, head: str) -> Merge:
    """Merge main into the head of a pull request; PipelineError where the head can't be had."""
    _fetch(f"refs/pull/{number}/head")
    result = git(Path(), "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", head, main)
    if result.returncode not in {0, 1}:
        raise PipelineError(f"pull request {number}: main can't be merged into it: {last_line(result.stderr)}")
    tree, *conflicts = [part for part in result.stdout.split("\0") if part]
    return Merge(main, head, tuple(conflicts), tree)


def content(commit: str, path: str) -> str:
    """The text of a file of a commit; empty where there is none."""
    return git(Path(), "show", f"{commit}:{path}").stdout


def _fetch(ref: str) -> None:
    """Fetch with the workflow's token, which the checkout does not keep; it is in no argument that others can read."""
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN", "")
    header = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    environment = os.environ | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{api.server()}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {header}",
    }
    command = ["git", "fetch", "--quiet", "--no-tags", "origin", ref]
    result = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    if result.returncode:
        raise PipelineError(f"{ref}: can't be fetched: {last_line(result.stderr)}")


def _upload(blob: str) -> str:
    data = subprocess.run(["git", "cat-file", "blob", blob], capture_output=True, check=True).stdout
    body = {"content": base64.b64encode(data).decode(), "encoding": "base64"}
    return str(api.call("POST", "git/blobs", body, purpose="merge main")["sha"])


def _object(tree: str, path: str) -> str:
    """The hash of a file or folder of a tree; empty where there is none."""
    return git(Path(), "rev-parse", "--verify", "--quiet", f"{tree}:{path}").stdout.strip()


def _read(*command: str) -> str:
    result = git(Path(), *command)
    if result.returncode:
        raise PipelineError(f"git {command[0]}: {last_line(result.stderr)}")
    return result.stdout
