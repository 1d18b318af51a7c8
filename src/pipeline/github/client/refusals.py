"""What GitHub refused, as one line for the person who can change it."""

import re
from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import PipelineError

# How a path and method begin, and the permission of the job that the call needs: the first that fits.
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
    """A call that GitHub did not fulfil; `status` is that of HTTP, 0 where there was no answer."""

    def __init__(self, line: str, status: int) -> None:
        super().__init__(line)
        self.status = status


def explain(method: str, path: str, to: str, status: int, headers: Mapping[str, str], data: Any) -> RefusedError:
    """The refusal of one call, in one line."""
    call, message = f"{method} {path.split('?')[0]}", _message(data)
    if status == 429 or (status == 403 and (limited(data) or headers.get("x-ratelimit-remaining") == "0")):
        line = f"GitHub's rate limit is used up: could not {to} ({call}); run the job again later"
    elif status == 403:
        needed = _permission(method, path, headers.get("x-accepted-github-permissions", ""))
        line = f"the workflow's token may not {to} ({call}: 403 {message}): give the job {needed}"
    elif status == 401:
        line = f"GitHub does not know the token: could not {to} ({call}: 401 {message}); set GITHUB_TOKEN for the step"
    elif status == 404:
        line = f"could not {to}: there is no {path.split('?')[0]}, or the token may not see it (404 {message})"
    elif status == 0:
        line = f"GitHub can't be reached: could not {to} ({call}: {message}); run the job again"
    elif status >= 500:
        line = f"GitHub is out of order: could not {to} ({call}: {status} {message}); run the job again"
    else:
        line = f"GitHub refused to {to} ({call}: {status} {message})"
    return RefusedError(line, status)


def limited(data: Any) -> bool:
    """Whether the answer speaks of a rate limit."""
    return "rate limit" in _message(data).lower()


def _permission(method: str, path: str, accepted: str) -> str:
    """The permission as a workflow writes it. GitHub's header lists alternatives by `;`, what goes together by `,`."""
    ours = next((permission for pattern, permission in PERMISSIONS if re.match(pattern, f"{method} {path}")), "")
    choices = [
        [part.strip().replace("_", "-").replace("=", ": ") for part in choice.split(",") if "=" in part]
        for choice in accepted.split(";")
    ]
    choices = [choice for choice in choices if choice]
    if not choices or [ours] in choices:
        return f"`{ours}`"
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
