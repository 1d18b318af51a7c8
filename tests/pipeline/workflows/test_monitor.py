"""The scheduled monitor workflow with act, with all its parts: from a log that has drifted to the issue on GitHub."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.pipeline.conftest import small_table
from tests.pipeline.github.standin import StandIn
from tests.pipeline.workflows import world as worlds
from tests.pipeline.workflows.acting import HOSTED, WorkflowResult
from tests.pipeline.workflows.world import NAME, World

pytestmark = pytest.mark.engine

ROWS = 60  # of a window


@pytest.fixture
def world(base: Path, tmp_path: Path) -> Iterator[World]:
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        world = World(tmp_path, base, github)
        world.work.configure(monitor={"window": f"{ROWS} rows", "min_rows": ROWS, "max_rows": 200})
        world.work.commit("windows by rows")
        world.work.ok("git", "push", "--quiet", str(world.origin), "HEAD:main")
        world.work.ok("git", "-C", str(world.main), "pull", "--quiet", str(world.origin), "main")
        yield world


def write_log(folder: Path, table: pd.DataFrame) -> str:
    """Write the log of a service that answered these rows, one per second."""
    folder.mkdir()
    start = datetime.now(UTC) - timedelta(days=1)
    features = json.loads(table.drop(columns=["id", "outcome"]).to_json(orient="records", date_format="iso"))
    lines = [
        {"id": f"r-{index}", "time": (start + timedelta(seconds=index)).isoformat(), "release": "r1", "ms": 0.5}
        | {"score": 0.4, "label": "no", "features": row}
        for index, row in enumerate(features)
    ]
    path = folder / f"predictions.w0.{start:%Y%m%dT%H%M%S}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(folder)


def run_monitor(world: World, log: str) -> WorkflowResult:
    payload: dict[str, Any] = {"repository": {"full_name": NAME}}
    variables, secrets = {"PIPELINE_LOG_URL": log}, {"GITHUB_TOKEN": "t0ken"}
    result = world.machine.act(
        "monitor", "schedule", payload, world.main, variables=variables, secrets=secrets, runners=HOSTED
    )
    print(result.log)
    assert world.state["violations"] == []
    assert result.jobs == {"pipelines": "success", "watch": "success"}
    return result


def test_a_log_that_drifts_is_one_issue_and_a_missing_log_a_warning(world: World, tmp_path: Path) -> None:
    table = small_table("binary", rows=6 * ROWS, seed=5)
    log = write_log(tmp_path / "log", table.assign(income=table["income"] * 20, age=90))

    del world.machine.env["STANDIN_HASTE"]
    run_monitor(world, log)
    world.machine.env["STANDIN_HASTE"] = "1"

    (issue,) = world.state["issues"]
    (comment,) = world.state["comments"]
    assert "data drift" in issue["title"]
    assert comment["issue"] == issue["number"]
    assert "income" in comment["body"]
    written = {path.name for path in (world.machine.artifacts / "monitor").iterdir()}
    assert {"monitor.json", "monitor.md", "drift.html"} <= written
    assert [call["workflow"] for call in world.state["dispatches"]] == ["retrain.yaml"]

    run_monitor(world, str(tmp_path / "gone"))

    assert [issue["title"] for issue in world.state["issues"]][1:] == ["Monitor: the prediction log can't be read"]
    assert [issue["state"] for issue in world.state["issues"]] == ["open", "open"]
