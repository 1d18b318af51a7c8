"""Whether the monitor still runs on schedule: GitHub disables it in forks and idle public repositories."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.github.client import api

WORKFLOW = "monitor.yaml"
LOG = "PIPELINE_LOG_URL"
MAX_INTERVAL = timedelta(days=8)  # between two runs: a weekly schedule is fine
ENABLE = f"gh workflow enable {WORKFLOW}"
DISABLED = {
    "disabled_fork": "GitHub has switched it off, because this repository is a fork",
    "disabled_inactivity": "GitHub has switched it off, after 60 days without activity in this public repository",
    "disabled_manually": "somebody has switched it off",
}


def is_watched() -> bool:
    """Whether production is watched: the log's address is set."""
    return bool(os.environ.get(LOG))


def problem(now: datetime | None = None) -> str | None:
    """Why the monitor does not run though a log is named, and what to do; None where it runs, or no log is named."""
    if not is_watched():
        return None
    try:
        workflow = api.call("GET", f"actions/workflows/{WORKFLOW}", purpose=f"read the state of {WORKFLOW}")
        if workflow["state"] != "active":
            reason = DISABLED.get(workflow["state"], f"its state is {workflow['state']}")
            return f"the monitor is off: {reason}; start it again: {ENABLE}"
        return _overdue(workflow, now or datetime.now(UTC))
    except api.RefusedError as refusal:
        return f"whether the monitor runs is unknown: {refusal}"


def _overdue(workflow: Any, now: datetime) -> str | None:
    path = f"actions/workflows/{WORKFLOW}/runs?event=schedule&per_page=1"
    runs = api.call("GET", path, purpose=f"list the runs of {WORKFLOW}")["workflow_runs"]
    last = datetime.fromisoformat((runs[0] if runs else workflow)["created_at"])
    if now - last <= MAX_INTERVAL:
        return None
    reason = f"its schedule last started it {last:%Y-%m-%d}" if runs else "its schedule has never started it"
    return f"the monitor does not run: {reason}; start it again: {ENABLE}"
