"""Two pipelines in one repository, by the workflows themselves: one run, one answer and one commit for both."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.github.pull_request.touched import UNTOUCHED
from tests.pipeline.conftest import Project
from tests.pipeline.github.standin import StandIn
from tests.pipeline.workflows import world as worlds
from tests.pipeline.workflows.world import World

pytestmark = pytest.mark.engine

NOT_TOUCHED = ("success", UNTOUCHED)
RECORDED = {"dvc.lock", "reports/metrics.json", "data/source.json"}


@pytest.fixture
def world(base: Path, tmp_path: Path) -> Iterator[World]:
    """main has the pipeline at the top and another one in churn/, on the same data."""
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        world = World(tmp_path, base, github)
        project, folder = world.work, world.work.folder / "churn"
        shutil.copytree(base / "cache", project.folder / ".dvc/cache", dirs_exist_ok=True)
        project.ok("pipeline", "new", "churn")
        shutil.copytree(project.folder / "data", folder / "data")
        Project(folder).ok("pipeline", "run")
        project.commit("churn")
        world.publish()
        yield world


def status(world: World, context: str, sha: str) -> tuple[str, str]:
    """State and description of a status, as set last."""
    of_commit = [data for data in world.state["statuses"] if (data["sha"], data["context"]) == (sha, context)]
    return of_commit[-1]["state"], of_commit[-1]["description"]


def reported(world: World) -> dict[str, str]:
    """The bot's report on each pipeline, by its name; empty for the one at the top."""
    reports = [data["body"] for data in world.state["comments"] if "<!-- pipeline-report " in data["body"]]
    names = [re.match(r"<!-- pipeline-report (?:pipeline=(\S+) )?", report) for report in reports]
    assert len(reports) == len(set(names))
    return {(name[1] or "") if name else "?": report for name, report in zip(names, reports, strict=True)}


def test_one_is_touched_and_then_both(world: World) -> None:
    pull = world.open(lambda project: Project(project.folder / "churn").configure(train={"num_leaves": 24}))
    measured = pull["head"]["sha"]
    run = world.queue(pull)
    assert status(world, "gate/churn", measured)[0] == "pending"
    assert world.statuses(measured) == []
    assert world.train(run, pull).jobs == {"measure": "success"}
    assert world.finish(run).jobs == {"answer": "success", "record": "success"}

    recorded = world.recorded_commit()
    assert recorded
    assert set(world.recorded()) == {f"churn/{path}" for path in RECORDED}
    for sha in (measured, recorded):
        assert status(world, "gate", sha) == NOT_TOUCHED
        assert status(world, "gate/churn", sha)[0] == "success"
    assert set(reported(world)) == {"churn"}
    assert "leaves" in reported(world)["churn"]

    world.push(pull, lambda project: project.configure(train={"num_leaves": 20}))
    measured = pull["head"]["sha"]
    assert world.measure_and_answer(pull).jobs == {"answer": "success", "record": "success"}

    recorded = world.recorded_commit()
    assert recorded
    assert set(world.recorded()) == RECORDED
    for context in ("gate", "gate/churn"):
        assert status(world, context, measured)[0] == status(world, context, recorded)[0] == "success"
    assert set(reported(world)) == {"", "churn"}
