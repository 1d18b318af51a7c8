"""The commit status `gate` of a pipeline, or `gate/NAME`, which branch protection can require."""

from typing import Any, Literal

from pipeline.core import params
from pipeline.github.client import api
from pipeline.review.gate.verdict import Verdict

CONTEXT = "gate"
MAX_LENGTH = 140  # characters of a description
MAX_CHARACTER = "\uffff"  # GitHub refuses characters that take four bytes in UTF-8
State = Literal["pending", "success", "failure", "error"]


def context() -> str:
    """The name of the status of the working directory's pipeline."""
    name = params.read().name
    return f"{CONTEXT}/{name}" if name else CONTEXT


def post(sha: str, state: State, description: str, target: str) -> None:
    """Set the status of a commit."""
    body = {"state": state, "context": context(), "description": shorten(description), "target_url": target}
    api.call("POST", f"statuses/{sha}", body, purpose=f"set the status {context()}")


def current(sha: str) -> dict[str, Any] | None:
    """The commit's status on GitHub; None where it has none."""
    own = context()
    all_statuses = api.pages(f"commits/{sha}/status", purpose=f"read the status {own}", key="statuses", limit=10)
    return next((status for status in all_statuses if status["context"] == own), None)


def of_verdict(verdict: Verdict) -> tuple[State, str]:
    """State and description: the verdict and the first rule that decided it."""
    deciding = next((rule for rule in verdict.rules if rule.verdict == verdict.verdict != "pass"), None)
    description = f"{verdict.verdict}: {deciding.title}: {deciding.sentence}" if deciding else f"{verdict.verdict}"
    return "failure" if verdict.verdict == "fail" else "success", shorten(description)


def shorten(text: str) -> str:
    """The text as one line that GitHub accepts as a description and a workflow as an output."""
    words = " ".join(text.split())
    visible = (char for char in words if char.isprintable() or char > MAX_CHARACTER)
    line = "".join(char if char <= MAX_CHARACTER else "\ufffd" for char in visible)
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 1]}…"
