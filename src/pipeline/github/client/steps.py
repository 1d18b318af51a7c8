"""What a workflow's step writes for GitHub: outputs for later steps, and text on the job's page."""

import os
from pathlib import Path


def output(name: str, value: str) -> None:
    """Set an output of the workflow's step; nothing happens outside a workflow."""
    _append("GITHUB_OUTPUT", f"{name}={value}\n")


def summary(text: str) -> None:
    """Add Markdown to the job's page; nothing happens outside a workflow."""
    _append("GITHUB_STEP_SUMMARY", f"{text}\n")


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
