"""The whole loop with real parts: traffic, drift, one issue, labels, a retraining pull request, a release, recovery."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.github.standin import StandIn
from tests.pipeline.ship.service.conftest import Server, serving
from tests.pipeline.workflows import world as worlds
from tests.pipeline.workflows.retraining import Watched

pytestmark = pytest.mark.engine

WINDOW = 200  # rows
PARAMETERS: dict[str, dict[str, Any]] = {
    "monitor": {
        "window": f"{WINDOW} rows",
        "windows": 3,
        "alarm": 2,
        "min_rows": WINDOW,
        "min_labels": 100,
        "reference": "recent",
        "reference_rows": 200,
        "latency_ms": 60_000.0,  # the machine may be busy
    },
}
# A shift of the project.
SHIFTS = '''
def recession(rows, strength, rng):
    """Half of the people earn less, all are younger, and of the richest more say yes."""
    poorer = rng.random(len(rows)) < 0.5 * strength
    yes = rng.random(len(rows)) < 0.8 * strength * rows.income.rank(pct=True, na_option="top") ** 2
    return rows.assign(
        age=(rows.age * (1 - 0.4 * strength)).round().astype(rows.age.dtype),
        income=rows.income.where(~poorer, rows.income * 0.2),
        outcome=rows.outcome.mask(yes, "yes"),
    )
'''


@pytest.fixture
def world(base: Path, tmp_path: Path) -> Iterator[Watched]:
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        yield Watched(tmp_path, base, github)


def send_traffic(world: Watched, server: Server, shift: str, rows: int, labels: Path) -> None:
    """Send rows as `make simulate` does; all are logged."""
    before = len(server.logged(0))
    options = ("--shift", shift, "--rows", str(rows), "--labels", str(labels), "--seed", "7")
    world.work.ok("pipeline", "simulate", "--url", server.url, *options)
    assert len(server.logged(before + rows)) == before + rows


def open_issues(world: Watched) -> list[int]:
    return [issue["number"] for issue in world.state["issues"] if issue.get("state", "open") == "open"]


def starts(world: Watched, workflow: str) -> int:
    return sum(call["workflow"] == workflow for call in world.state["dispatches"])


def record_release(world: Watched, commit: str, release: str) -> None:
    """Add the deployment that `pipeline deploy` records when a release serves."""
    world.state["deployments"].append(
        {"id": 900, "ref": commit, "environment": "production", "payload": {"release": release}}
    )
    world.state["deployment_statuses"].append(
        {"id": 901, "deployment": 900, "state": "success", "created_at": datetime.now(UTC).isoformat()}
    )


def test_drift_becomes_one_issue_then_a_pull_request_and_the_retrained_model_closes_it(
    world: Watched, tmp_path: Path
) -> None:
    (world.work.folder / "src/project/shifts.py").write_text(SHIFTS, encoding="utf-8")
    world.configure_store(**PARAMETERS)
    later = tmp_path / "later.csv"  # labels that come later
    with serving(world.work.folder, world.log) as server:
        send_traffic(world, server, "none", 3 * WINDOW, world.labels)
        world.run_monitor()
        assert world.state["issues"] == []

        send_traffic(world, server, "recession", 4 * WINDOW, later)
        for _ in range(2):
            world.run_monitor()
        (issue,) = open_issues(world)
        assert len(world.comments(issue)) == 1
        assert starts(world, "retrain.yaml") == 1
        report = world.comments(issue)[0]
        assert "age" in report

    with world.labels.open("a", encoding="utf-8") as labels:
        labels.writelines(later.read_text(encoding="utf-8").splitlines(keepends=True)[1:])
    world.run_monitor()
    assert open_issues(world) == [issue]
    assert world.comments(issue)[0] != report

    assert world.retrain(issue).jobs == {"retrain": "success"}
    pull = world.take_proposal()
    assert f"Retrains for #{issue}" in pull["body"]
    assert world.measure(pull).jobs["measure"] == "success"
    assert world.answer_measured().jobs == {"answer": "success", "record": "success"}
    assert world.status(world.state["refs"]["heads/retrain/drift"])[0] == "success"

    commit = world.merge(pull)
    world.run_monitor()
    assert open_issues(world) == [issue], world.state["issues"]  # merged, but not in production yet

    with serving(world.work.folder, world.log) as server:
        record_release(world, commit, server.get("/release").json["release"])
        send_traffic(world, server, "recession", 3 * WINDOW, tmp_path / "unknown.csv")
    world.run_monitor()
    assert open_issues(world) == []
    world.run_monitor()
    assert len(world.state["issues"]) == 1, world.state["issues"][1:]
    assert starts(world, "retrain.yaml") == 2  # at the alarm, and when its first labels came
