"""The commit status `gate`: what a required check waits for."""

from typing import Any, Literal

from pipeline.github.client import api
from pipeline.review.gate.verdict import Verdict

CONTEXT = "gate"
LONGEST = 140  # characters of a description
LAST = "\uffff"  # GitHub refuses what UTF-8 writes in four bytes
State = Literal["pending", "success", "failure", "error"]


def post(sha: str, state: State, description: str, target: str) -> None:
    """Set the status of a commit."""
    body = {"state": state, "context": CONTEXT, "description": cut(description), "target_url": target}
    api.call("POST", f"statuses/{sha}", body, to=f"set the status {CONTEXT}")


def current(sha: str) -> dict[str, Any] | None:
    """The commit's status as GitHub has it; None where it has none."""
    listed = api.pages(f"commits/{sha}/status", to=f"read the status {CONTEXT}", key="statuses", limit=10)
    return next((status for status in listed if status["context"] == CONTEXT), None)


def of_verdict(verdict: Verdict) -> tuple[State, str]:
    """State and description: the verdict and the first rule that decided it."""
    deciding = next((rule for rule in verdict.rules if rule.verdict == verdict.verdict != "pass"), None)
    said = f"{verdict.verdict}: {deciding.title}: {deciding.sentence}" if deciding else f"{verdict.verdict}"
    return "failure" if verdict.verdict == "fail" else "success", cut(said)


def cut(text: str) -> str:
    """One line that GitHub takes as a description and a workflow as an output."""
    words = " ".join(text.split())
    line = "".join(char if char <= LAST else "\ufffd" for char in words if char.isprintable() or char > LAST)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
