"""What is in production, by the deployments that GitHub keeps for an environment."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pipeline.github.client import api

PAGES = 3  # of the deployments, in which production's is searched


@dataclass(frozen=True)
class Deployment:
    """The commit whose release is in production, since when, and what the deployment was given: `release`, `model` …"""

    commit: str
    since: datetime
    payload: dict[str, Any]


def in_production(environment: str) -> Deployment | None:
    """The newest deployment of a release that succeeded; None where GitHub has none.

    A job with `environment:` makes deployments as well, but only ours name a release. GitHub marks the older ones as
    inactive after they succeeded, so all statuses of a deployment are read.
    """
    path = f"deployments?environment={quote(environment, safe='')}"
    for deployment in api.pages(path, purpose="read the deployments", limit=PAGES):
        payload = _payload(deployment.get("payload"))
        if not payload.get("release"):
            continue
        path = f"deployments/{deployment['id']}/statuses?per_page=100"
        for status in api.call("GET", path, purpose="read how a deployment went"):
            if status["state"] == "success":
                return Deployment(str(deployment["sha"]), datetime.fromisoformat(status["created_at"]), payload)
    return None


def _payload(content: Any) -> dict[str, Any]:
    """GitHub gives it back as an object or as text."""
    try:
        content = json.loads(content) if isinstance(content, str) else content
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
