"""Results of the monitor for tests, and the repository as `pipeline watch` leaves it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.pipeline.github.conftest import Pipeline, Scene

DAY = timedelta(days=1)
START = datetime(2026, 11, 1, tzinfo=UTC)
FOLDER = Path("reports/monitor")
NAMES = ("data_drift", "prediction_drift", "performance", "missing", "unseen", "volume", "latency")


def result(day: int, *alarming: str, since: int = 1, **states: Any) -> dict[str, Any]:
    """A monitor.json of that day: these signals alarm, the others are ok or as in `states`."""
    until = START + day * DAY
    blind, labels = states.pop("blind", None), states.pop("labels", 0)
    few = states.pop("few", False)
    signals = dict.fromkeys(NAMES, "not_enough_data" if few else "ok") | dict.fromkeys(alarming, "alarm") | states
    return {
        "state": "blind"
        if blind and blind["kind"] != "labels"
        else "alarm"
        if alarming
        else "not_enough_data"
        if few
        else "ok",
        "until": until.isoformat(),
        "window": "1 day",
        "rows": 5000,
        "files": 3,
        "release": "abc123",
        "releases": {"abc123": 5000},
        "signals": [_signal(name, state, START + since * DAY) for name, state in signals.items()],
        "windows": [_window(START + past * DAY, signals) for past in range(max(0, day - 5), day)],
        "damage": {"lines": 0, "places": []},
        "labels": {"rows": labels, "joined": labels, "unknown": 0},
        "blind": blind,
    }


def _signal(name: str, state: str, since: datetime) -> dict[str, Any]:
    beyond = {"alarm": 3, "lasting": 3, "watching": 2}.get(state, 0)
    return {
        "name": name,
        "state": "watching" if state == "lasting" else state,
        "value": 1.7 if beyond else 0.4,
        "bound": 1.0,
        "since": since.isoformat() if state == "alarm" else None,
        "beyond": beyond,
        "judged": 5,
        "sentence": f"{name}: column `a|b` @everyone <b>",
    }


def _window(start: datetime, signals: dict[str, str]) -> dict[str, Any]:
    values = {name: 1.7 if state == "alarm" else 0.4 for name, state in signals.items()}
    span = {"start": start.isoformat(), "end": (start + DAY).isoformat()}
    return {**span, "rows": 1000, "judged": True, "values": values, "bounds": dict.fromkeys(values, 1.0)}


class Watch:
    """The repository with a result of the monitor; each call is one run of the workflow."""

    def __init__(self, scene: Scene, pipeline: Pipeline) -> None:
        self.scene, self.pipeline, self.runs = scene, pipeline, 0

    def __call__(self, result: dict[str, Any], code: int = 0) -> str:
        self.runs += 1
        self.pipeline.monkeypatch.setenv("GITHUB_RUN_ID", str(100 + self.runs))
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "monitor.json").write_text(json.dumps(result), encoding="utf-8")
        (FOLDER / "monitor.md").write_text(f"report of {result['until']}\n", encoding="utf-8")
        exit_status, printed = self.pipeline("watch", "--artifact", "https://github.com/octo/credit/artifacts/1")
        assert exit_status == code, printed
        return printed

    @property
    def issues(self) -> list[dict[str, Any]]:
        issues: list[dict[str, Any]] = self.scene.github.state["issues"]
        return issues

    @property
    def open(self) -> list[dict[str, Any]]:
        return [issue for issue in self.issues if issue["state"] == "open"]

    @property
    def dispatches(self) -> list[dict[str, Any]]:
        dispatches: list[dict[str, Any]] = self.scene.github.state["dispatches"]
        return dispatches

    def add_retraining(self, issue: int, merged: str | None = None) -> dict[str, Any]:
        """Add the pull request of retraining, open, or merged as the commit `merged`."""
        state = {"state": "closed", "merged_at": "2026-11-05T00:00:00Z", "merge_commit_sha": merged} if merged else {}
        pull = {"number": 40, "head": {"ref": "retrain/drift", "sha": self.scene.head}, **state}
        pulls = [data for data in self.scene.github.state["pulls"] if data["number"] != 40]
        self.scene.github.state["pulls"] = [*pulls, pull | {"body": f"New rows.\n\nRetrains for #{issue}\n"}]
        return pull

    def deploy(self, commit: str, at: datetime, *states: str) -> None:
        """Add a deployment of ours with its statuses."""
        state, number = self.scene.github.state, self.scene.github.hub.next_id()
        deployment = {"ref": commit, "environment": "production", "payload": {"release": "r1"}}
        state["deployments"].append({"id": number, **deployment})
        state["deployment_statuses"] += [
            {"id": self.scene.github.hub.next_id(), "deployment": number, "state": status, "created_at": f"{at:%FT%TZ}"}
            for status in states or ("in_progress", "success")
        ]
