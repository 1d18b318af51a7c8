"""Commits, trees and branches of the stand-in GitHub: from the state, else from a git repository on the disk."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

Tree = dict[str, str]  # path: SHA of its blob


class UnknownError(Exception):
    """An error of GitHub, with its status."""

    def __init__(self, message: str, status: int = 404) -> None:
        super().__init__(message)
        self.status = status


class Repository:
    def __init__(self, state: dict[str, Any], git: Path | None) -> None:
        self.state, self.folder = state, git
        self.trees: dict[str, Tree] = {}
        for sha in list(state["commits"]):
            self.commit(sha)

    def refs(self) -> dict[str, str]:
        refs = {}
        if self.folder:
            for line in self._git("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads").splitlines():
                sha, _, name = line.partition(" ")
                refs[name.removeprefix("refs/")] = sha
        state_refs: dict[str, str] = self.state["refs"]
        return refs | state_refs

    def resolve(self, revision: str) -> str:
        """The commit that a SHA or a branch names."""
        sha = self.refs().get(f"heads/{revision}", revision)
        self.commit(sha)
        return sha

    def commit(self, sha: str) -> dict[str, Any]:
        """Message, parents, tree and tree_sha of a commit."""
        commit: dict[str, Any] = self.state["commits"].get(sha) or self._read(sha)
        commit.setdefault("tree_sha", _sha(commit["tree"]))
        self.trees[commit["tree_sha"]] = commit["tree"]
        self.state["commits"][sha] = commit
        return commit

    def compare(self, basehead: str) -> dict[str, Any]:
        base, head = (self.resolve(name) for name in basehead.split("..."))
        base_history, head_history = self._history(base), self._history(head)
        merge_base = next((sha for sha in head_history if sha in base_history), None)
        if merge_base is None:
            raise UnknownError("No common ancestor between the two")
        ahead = [sha for sha in head_history if sha not in base_history]
        behind = [sha for sha in base_history if sha not in head_history]
        status = ("diverged" if behind else "ahead") if ahead else ("behind" if behind else "identical")
        return {
            "status": status,
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "base_commit": self._commit_object(base),
            "merge_base_commit": self._commit_object(merge_base),
            "commits": [self._commit_object(sha) for sha in reversed(ahead)],
            "files": self._files(self.commit(merge_base)["tree"], self.commit(head)["tree"]),
        }

    def move(self, name: str, sha: str, force: bool) -> None:
        if name not in self.refs():
            raise UnknownError("Reference does not exist", 422)
        if not force and self.refs()[name] not in self._history(sha):
            raise UnknownError("Update is not a fast forward", 422)
        self.state["refs"][name] = sha

    def merges(self, head: str, base: str) -> bool:
        """Whether the two merge without a conflict; a commit that only the state holds does."""
        if not self.folder:
            return True
        command = ["git", "-C", str(self.folder), "merge-tree", "--write-tree", head, base]
        return subprocess.run(command, capture_output=True, check=False).returncode != 1

    def new_blob(self, body: dict[str, Any]) -> str:
        content = body["content"]
        return blob(base64.b64decode(content) if body.get("encoding") == "base64" else content.encode())

    def new_tree(self, body: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        base = self._tree(body.get("base_tree") or "")
        if base is None and body.get("base_tree"):
            raise UnknownError("Tree SHA does not exist", 422)
        tree = dict(base or {})
        for entry in body["tree"]:
            if entry.get("sha", "") is None:
                tree.pop(entry["path"], None)
            else:
                tree[entry["path"]] = entry["sha"] if "sha" in entry else blob(entry["content"].encode())
        sha = next((sha for sha, other in self.trees.items() if other == tree), _sha(tree))
        self.trees[sha] = tree
        return sha, [
            {"path": path, "mode": "100644", "type": "blob", "sha": blob_sha} for path, blob_sha in tree.items()
        ]

    def _tree(self, sha: str) -> Tree | None:
        """A tree by its hash, of the state or of the repository on the disk."""
        if sha not in self.trees and self.folder and self._git("cat-file", "-t", sha).strip() == "tree":
            self.trees[sha] = self._list_tree(sha)
        return self.trees.get(sha)

    def new_commit(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["tree"] not in self.trees:
            raise UnknownError("Tree SHA does not exist", 422)
        sha = _sha({"message": body["message"], "tree": body["tree"], "parents": ",".join(body["parents"])})
        commit = {"message": body["message"], "parents": body["parents"], "author": self.state["user"]}
        self.state["commits"][sha] = commit | {"tree": self.trees[body["tree"]], "tree_sha": body["tree"]}
        return {
            "sha": sha,
            "message": body["message"],
            "tree": {"sha": body["tree"]},
            "parents": [{"sha": parent} for parent in body["parents"]],
        }

    def _commit_object(self, sha: str) -> dict[str, Any]:
        commit = self.commit(sha)
        parents = [{"sha": parent} for parent in commit["parents"]]
        person = commit.get("author", {"login": "someone", "type": "User"})
        committer = commit.get("committer", person)
        return {"sha": sha, "parents": parents, "author": person, "committer": committer} | {
            "commit": {"message": commit["message"], "tree": {"sha": commit["tree_sha"]}}
        }

    def _files(self, before: Tree, after: Tree) -> list[dict[str, Any]]:
        """What differs, at most 300 files; a file that only moved is `renamed`."""
        removed = {sha: path for path, sha in before.items() if path not in after}
        files = []
        for path in sorted(before.keys() | after.keys()):
            old, new = before.get(path), after.get(path)
            if new is None and old not in {sha for name, sha in after.items() if name not in before}:
                files.append({"filename": path, "sha": old, "status": "removed"})
            elif new is not None and old is None and new in removed:
                files.append({"filename": path, "sha": new, "status": "renamed", "previous_filename": removed[new]})
            elif new is not None and old != new:
                files.append({"filename": path, "sha": new, "status": "modified" if old else "added"})
        return files[:300]

    def _history(self, sha: str) -> list[str]:
        history: dict[str, None] = {}
        queue = [sha]
        while queue:
            current = queue.pop(0)
            if current not in history:
                history[current] = None
                queue += self.commit(current)["parents"]
        return list(history)

    def _read(self, sha: str) -> dict[str, Any]:
        output = self._git("log", "-1", "--format=%T%n%P%n%B", sha, "--") if self.folder else ""
        if not output:
            raise UnknownError(f"No commit found for SHA: {sha}", 422)
        tree_sha, parents, message = output.split("\n", 2)
        tree = self._list_tree(sha)
        return {"message": message.rstrip("\n"), "parents": parents.split(), "tree": tree, "tree_sha": tree_sha}

    def _list_tree(self, sha: str) -> Tree:
        lines = (line for line in self._git("ls-tree", "-r", "-z", sha).split("\0") if line)
        return {path: kind.split()[2] for kind, _, path in (line.partition("\t") for line in lines)}

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def ref(name: str, sha: str) -> dict[str, Any]:
    return {"ref": f"refs/{name}", "object": {"type": "commit", "sha": sha}}


def blob(content: bytes) -> str:
    """The SHA-1 that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _sha(value: dict[str, str]) -> str:
    return hashlib.sha1(json.dumps(value, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
