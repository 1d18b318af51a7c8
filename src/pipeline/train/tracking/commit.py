"""The commit that a run comes from: as MLflow's tags, and as a name for people."""

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.git import git

COMMIT, CHANGED = "mlflow.source.git.commit", "git_dirty"


def git_tags() -> dict[str, str]:
    """The commit and whether the work tree differs from it; empty without a repository or a commit."""
    commit = git(Path(), "rev-parse", "--verify", "--quiet", "HEAD").stdout.strip()
    if not commit:
        return {}
    dirty = bool(git(Path(), "status", "--porcelain").stdout)
    return {COMMIT: commit, CHANGED: str(dirty).lower()}


def run_name(lock: str, tags: Mapping[str, str]) -> str:
    """`main · 1a2b3c4`, with `(changed)` where the work tree differs; outside a repository `dvc.lock 5d6e7f8a`.

    `lock`: the MD5 of dvc.lock, `tags`: those of `git_tags`.
    """
    if COMMIT not in tags:
        return f"dvc.lock {lock[:8]}"
    changed = " (changed)" if tags[CHANGED] == "true" else ""
    return f"{_branch()} · {tags[COMMIT][:7]}{changed}"


def _branch() -> str:
    """The branch that is checked out; without one, as on GitHub's runners, the branch that GitHub names."""
    branch = git(Path(), "symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
    return branch or os.environ.get("GITHUB_HEAD_REF") or os.environ.get("GITHUB_REF_NAME") or "no branch"
