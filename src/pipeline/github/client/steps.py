"""What a workflow's step leaves behind: outputs for the next one, text on the page of the job."""

import os
from pathlib import Path


def output(name: str, value: str) -> None:
    """An output of the workflow's step; nothing outside a workflow."""
    _append("GITHUB_OUTPUT", f"{name}={value}\n")


def summary(text: str) -> None:
    """Markdown on the page of the job; nothing outside a workflow."""
    _append("GITHUB_STEP_SUMMARY", f"{text}\n")


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
