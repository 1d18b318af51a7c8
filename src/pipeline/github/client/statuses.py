"""Commit statuses: `gate` of a pipeline, or `gate/NAME`, which branch protection can require."""

import os
from typing import Any, Literal

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.github.client import api
from pipeline.github.client.posting import BOT
from pipeline.review.gate.verdict import Verdict

CONTEXT = "gate"
TOKEN = "GATE_TOKEN"  # noqa: S105 - the variable's name
MAX_LENGTH = 140  # characters of a description
MAX_CHARACTER = "\uffff"  # GitHub refuses characters that take four bytes in UTF-8
State = Literal["pending", "success", "failure", "error"]


def own_context() -> str:
    """The name of the status of the working directory's pipeline."""
    name = params.read().name
    return f"{CONTEXT}/{name}" if name else CONTEXT


def post(sha: str, state: State, description: str, target: str, *, context: str | None = None) -> None:
    """Set the status of a commit (default: of the working directory's pipeline).

    That of a pipeline is set as the App that main's gate.app names: PipelineError without a token of it.
    """
    token = _app_token() if context is None else None
    name = context or own_context()
    body = {"state": state, "context": name, "description": shorten(description), "target_url": target}
    api.call("POST", f"statuses/{sha}", body, purpose=f"set the status {name}", token=token)


def current(sha: str, context: str | None = None) -> dict[str, Any] | None:
    """The commit's newest status by its one trusted creator: whoever may write to the repository can set others."""
    name = context or own_context()
    statuses = api.pages(f"commits/{sha}/statuses", purpose=f"read the status {name}", limit=10)
    trusted = creator(params.read().gate.app if context is None else None)
    return next((data for data in statuses if data["context"] == name and _login(data) == trusted), None)


def creator(app: str | None) -> str:
    """The login under which GitHub shows the statuses of this App; of GitHub Actions where there is none."""
    return f"{app}[bot]" if app else BOT


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


def _app_token() -> str | None:
    """None where GitHub Actions sets the status."""
    app = params.read().gate.app
    if app is None:
        return None
    if not (token := os.environ.get(TOKEN)):
        key = "the variable GATE_APP_CLIENT_ID and the secret GATE_APP_PRIVATE_KEY of the environment `gate`"
        raise PipelineError(f"params.yaml: gate.app is {app!r}, but this job has no token of that App; check {key}")
    return token


def _login(data: Any) -> str | None:
    """Who set the status; None where the account is gone."""
    login = (data.get("creator") or {}).get("login")
    return str(login) if login else None
