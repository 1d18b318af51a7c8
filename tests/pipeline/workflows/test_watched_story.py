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
KNOBS: dict[str, dict[str, Any]] = {
    "monitor": {
        "window": f"{WINDOW} rows",
        "windows": 3,
        "alarm": 2,
        "min_rows": WINDOW,
        "min_labels": 100,
        "reference_rows": 200,
        "latency_ms": 60_000.0,  # the machine may be busy
    },
}
# What the project says may happen to its data.
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
def world(made: Path, tmp_path: Path) -> Iterator[Watched]:
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        yield Watched(tmp_path, made, github)


def traffic(world: Watched, server: Server, shift: str, rows: int, labels: Path) -> None:
    """Rows as `make simulate` sends them, all of them logged."""
    before = len(server.logged(0))
    options = ("--shift", shift, "--rows", str(rows), "--labels", str(labels), "--seed", "7")
    world.work.ok("pipeline", "simulate", "--url", server.url, *options)
    assert len(server.logged(before + rows)) == before + rows


def open_issues(world: Watched) -> list[int]:
    return [issue["number"] for issue in world.state["issues"] if issue.get("state", "open") == "open"]


def started(world: Watched, workflow: str) -> int:
    return sum(call["workflow"] == workflow for call in world.state["dispatches"])


def released(world: Watched, commit: str, release: str) -> None:
    """What `pipeline deploy` tells GitHub when a release serves."""
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
    world.name_a_store(**KNOBS)
    later = tmp_path / "later.csv"  # labels that nobody knows yet
    with serving(world.work.folder, world.log) as server:
        traffic(world, server, "none", 3 * WINDOW, world.labels)
        world.look()
        assert world.state["issues"] == []

        traffic(world, server, "recession", 4 * WINDOW, later)
        for _ in range(3):
            world.look()
        (issue,) = open_issues(world)
        assert len(world.told(issue)) == 1
        assert started(world, "retrain.yaml") == 1
        reported = world.told(issue)[0]
        assert "age" in reported

    with world.labels.open("a", encoding="utf-8") as known:
        known.writelines(later.read_text(encoding="utf-8").splitlines(keepends=True)[1:])
    world.look()
    assert open_issues(world) == [issue]
    assert world.told(issue)[0] != reported

    assert world.retrain(issue).jobs == {"retrain": "success"}
    pull = world.proposed()
    assert f"Retrains for #{issue}" in pull["body"]
    assert world.measure(pull).jobs["measure"] == "success"
    assert world.answered().jobs == {"answer": "success", "record": "success"}
    assert world.status(world.state["refs"]["heads/retrain/drift"])[0] == "success"

    commit = world.merge(pull)
    world.look()
    assert open_issues(world) == [issue], world.state["issues"]  # merged is not yet in production

    with serving(world.work.folder, world.log) as server:
        released(world, commit, server.get("/release").json["release"])
        traffic(world, server, "recession", 3 * WINDOW, tmp_path / "unknown.csv")
    world.look()
    assert open_issues(world) == []
    world.look()
    assert len(world.state["issues"]) == 1, world.state["issues"][1:]
    assert started(world, "retrain.yaml") == 2  # at the alarm, and when its first labels came
