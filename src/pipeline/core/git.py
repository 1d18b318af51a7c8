"""Calls of git; a failed or missing git is no exception."""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

DIRTY = "-dirty"  # the end of a commit whose work tree was changed, as `git describe` writes it


def git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run git in `folder`, in English and with unquoted names; the caller checks the exit status."""
    command = ["git", "-c", "core.quotepath=off", *arguments]
    environment = os.environ | {"LC_ALL": "C"}
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError:
        return subprocess.CompletedProcess(command, 127, "", "git is not installed or can't be run")


def described_head(folder: Path, *, besides: Sequence[str] = ()) -> str | None:
    """The commit of HEAD, with `-dirty` where a file that git tracks differs from it; None without a commit.

    `besides`: paths that may differ.
    """
    commit = git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").stdout.strip()
    if not commit:
        return None
    excluded = [f":(exclude){path}" for path in besides]
    status = git(folder, "status", "--porcelain", "--untracked-files=no", "--", ":/", *excluded)
    return commit + (DIRTY if status.returncode or status.stdout.strip() else "")


def short_commit(commit: str) -> str:
    """The first 7 digits of a commit, and whether its work tree was changed."""
    return commit[:7] + (DIRTY if commit.endswith(DIRTY) else "")


def has_commit(folder: Path, commit: str) -> bool:
    """Whether the repository at `folder` holds this commit."""
    return git(folder, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def blob_hash(content: bytes) -> str:
    """The SHA-1 that git gives a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
