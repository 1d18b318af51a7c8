"""Git, as a program that may fail or be missing."""

import hashlib
import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run git in `folder`; the caller looks at the exit status."""
    command = ["git", *arguments]
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError:
        return subprocess.CompletedProcess(command, 127, "", "git is not installed or can't be run")


def blob_hash(content: bytes) -> str:
    """The SHA-1 that git gives a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
