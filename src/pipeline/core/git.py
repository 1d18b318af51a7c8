"""Calls of git; a failed or missing git is no exception."""

import hashlib
import os
import subprocess
from pathlib import Path


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


def has_commit(folder: Path, commit: str) -> bool:
    """Whether the repository at `folder` holds this commit."""
    return git(folder, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def blob_hash(content: bytes) -> str:
    """The SHA-1 that git gives a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
