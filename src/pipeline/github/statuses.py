"""The commit status `gate`: what a required check waits for."""

import re
from typing import Any, Literal

from pipeline.gate.verdict import Verdict
from pipeline.github import api

CONTEXT = "gate"
LONGEST = 140  # characters of a description
LABEL = "gate: override"
State = Literal["pending", "success", "failure", "error"]


def post(sha: str, state: State, description: str, target: str) -> None:
    """Set the status of a commit."""
    body = {"state": state, "context": CONTEXT, "description": _cut(description), "target_url": target}
    api.call("POST", f"statuses/{sha}", body, to=f"set the status {CONTEXT}")


def current(sha: str) -> dict[str, Any] | None:
    """The commit's status as GitHub has it; None where it has none."""
    listed = api.pages(f"commits/{sha}/status", to=f"read the status {CONTEXT}", key="statuses", limit=10)
    return next((status for status in listed if status["context"] == CONTEXT), None)


def overruled(sha: str) -> str | None:
    """The login of who overruled the verdict on this commit."""
    status = current(sha) or {}
    said = re.match(r"overruled by @([A-Za-z0-9][A-Za-z0-9_-]*(?:\[bot\])?)", status.get("description") or "")
    return said[1] if said and status.get("state") == "success" else None


def of_verdict(verdict: Verdict, override: str | None) -> tuple[State, str]:
    """State and description: the verdict and the first rule that decided it."""
    deciding = next((rule for rule in verdict.rules if rule.verdict == verdict.verdict != "pass"), None)
    said = f"{verdict.verdict}: {deciding.name}: {deciding.sentence}" if deciding else f"{verdict.verdict}"
    if override:
        return "success", _cut(f"overruled by @{override}: {said}")
    return "failure" if verdict.verdict == "fail" else "success", _cut(said)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
