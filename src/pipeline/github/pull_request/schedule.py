"""Whether the clock still starts the monitor: GitHub switches cron off in forks and after 60 days without a commit."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.github.client import api

WORKFLOW = "monitor.yaml"
LOG = "PIPELINE_LOG_URL"
LATEST = timedelta(days=8)  # between two runs: a clock that is set to once a week is alive
AGAIN = f"gh workflow enable {WORKFLOW}"
OFF = {
    "disabled_fork": "GitHub has switched it off, for this repository is a fork",
    "disabled_inactivity": "GitHub has switched it off after 60 days without a commit",
    "disabled_manually": "somebody has switched it off",
}


def watched() -> bool:
    """Whether there is anything to watch: a log that is named."""
    return bool(os.environ.get(LOG))


def stopped(now: datetime | None = None) -> str | None:
    """Why nobody watches production though a log is named, and what to do; None where the clock runs."""
    if not watched():
        return None
    try:
        data = api.call("GET", f"actions/workflows/{WORKFLOW}", to=f"look at {WORKFLOW}")
        if data["state"] != "active":
            why = OFF.get(data["state"], f"its state is {data['state']}")
            return f"the monitor is off: {why}; start it again: {AGAIN}"
        return _overdue(data, now or datetime.now(UTC))
    except api.RefusedError as problem:
        return f"whether the monitor runs can't be seen: {problem}"


def _overdue(workflow: Any, now: datetime) -> str | None:
    path = f"actions/workflows/{WORKFLOW}/runs?event=schedule&per_page=1"
    runs = api.call("GET", path, to=f"list the runs of {WORKFLOW}")["workflow_runs"]
    last = datetime.fromisoformat((runs[0] if runs else workflow)["created_at"])
    if now - last <= LATEST:
        return None
    told = f"its clock last started it {last:%Y-%m-%d}" if runs else "its clock has never started it"
    return f"the monitor does not run: {told}; start it again: {AGAIN}"
