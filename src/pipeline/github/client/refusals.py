"""Calls that GitHub refused, as one line for the person who can change that."""

import re
from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import PipelineError

# The beginning of method and path, and the permission that the job needs for the call: the first match counts.
PERMISSIONS = (
    (r"POST issues$", "issues: write"),
    (r"PATCH issues/\d+$", "issues: write"),
    (r"(POST|PATCH) issues/", "pull-requests: write"),
    (r"(POST|PATCH) pulls", "pull-requests: write"),
    (r"GET issues/", "pull-requests: read"),
    (r"GET issues", "issues: read"),
    (r"GET pulls", "pull-requests: read"),
    (r"POST statuses/", "statuses: write"),
    (r"GET commits/.*/status", "statuses: read"),
    (r"POST actions/", "actions: write"),
    (r"GET actions/", "actions: read"),
    (r"GET deployments", "deployments: read"),
    (r"(POST|PATCH) git/", "contents: write"),
    (r"GET ", "contents: read"),
)


class RefusedError(PipelineError):
    """A call that GitHub refused or failed; `status` is that of HTTP, 0 where there was no response."""

    def __init__(self, line: str, status: int) -> None:
        super().__init__(line)
        self.status = status


def explain(method: str, path: str, purpose: str, status: int, headers: Mapping[str, str], data: Any) -> RefusedError:
    """The refusal of one call, in one line; `purpose` is a verb phrase, such as "read run 5"."""
    call, message = f"{method} {path.split('?')[0]}", _message(data)
    if status == 429 or (status == 403 and (limited(data) or headers.get("x-ratelimit-remaining") == "0")):
        line = f"GitHub's rate limit is used up: could not {purpose} ({call}); run the job again later"
    elif status == 403:
        needed = _permission(method, path, headers.get("x-accepted-github-permissions", ""))
        line = f"the workflow's token may not {purpose} ({call}: 403 {message}): give the job {needed}"
    elif status == 401:
        line = f"GitHub rejects the token: could not {purpose} ({call}: 401 {message}); set GITHUB_TOKEN in the step"
    elif status == 404:
        line = f"could not {purpose}: there is no {path.split('?')[0]}, or the token may not read it (404 {message})"
    elif status == 0:
        line = f"GitHub can't be reached: could not {purpose} ({call}: {message}); run the job again"
    elif status >= 500:
        line = f"GitHub failed: could not {purpose} ({call}: {status} {message}); run the job again"
    else:
        line = f"GitHub refused to {purpose} ({call}: {status} {message})"
    return RefusedError(line, status)


def limited(data: Any) -> bool:
    """Whether the response is about a rate limit."""
    return "rate limit" in _message(data).lower()


def _permission(method: str, path: str, accepted: str) -> str:
    """The permission as a workflow writes it. GitHub's header has `;` between alternatives, `,` between needed ones."""
    expected = next((permission for pattern, permission in PERMISSIONS if re.match(pattern, f"{method} {path}")), "")
    choices = [
        [part.strip().replace("_", "-").replace("=", ": ") for part in choice.split(",") if "=" in part]
        for choice in accepted.split(";")
    ]
    choices = [choice for choice in choices if choice]
    if not choices or [expected] in choices:
        return f"`{expected}`"
    return " or ".join(" and ".join(f"`{part}`" for part in choice) for choice in choices)


def _message(data: Any) -> str:
    """GitHub's message with the details that it gives, on one line."""
    if not isinstance(data, dict):
        return ""
    details = [
        str(error.get("message") or f"{error.get('field', '')} {error.get('code', '')}")
        if isinstance(error, dict)
        else str(error)
        for error in (data.get("errors") if isinstance(data.get("errors"), list) else []) or []
    ]
    return " ".join(f"{data.get('message', '')} {'; '.join(details)}".split())[:300]
