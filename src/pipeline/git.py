"""Git, as a program that may fail or be missing."""

import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run git in `folder`; the caller looks at the exit status."""
    command = ["git", *arguments]
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError:
        return subprocess.CompletedProcess(command, 127, "", "git is not installed or can't be run")
