"""Two pipelines in one repository, by the workflows themselves.

A pull request: one run, one answer and one commit for both. Production: two releases on one host; one log drifts.
"""

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.github.pull_request.touched import UNTOUCHED
from tests.pipeline.conftest import Project, small_table
from tests.pipeline.github.standin import StandIn
from tests.pipeline.ship.deploy.hosts import clean, proxy_image
from tests.pipeline.ship.release import parts
from tests.pipeline.watch.retrain import scenes
from tests.pipeline.workflows import shipping
from tests.pipeline.workflows import world as worlds
from tests.pipeline.workflows.acting import HOSTED, WorkflowResult
from tests.pipeline.workflows.retraining import Watched
from tests.pipeline.workflows.shipping import Shipping
from tests.pipeline.workflows.world import NAME, World

pytestmark = pytest.mark.engine

NOT_TOUCHED = ("success", UNTOUCHED)
WINDOW = 60  # rows
MONITOR = {"window": f"{WINDOW} rows", "min_rows": WINDOW, "max_rows": 200}
DEPLOYED = {"": shipping.DEPLOYMENT, "churn": f"{shipping.DEPLOYMENT}-churn"}
PORTS = {"": shipping.PORT, "churn": shipping.PORT + 20}
RECORDED = {"dvc.lock", "reports/metrics.json", "data/source.json"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with another pipeline in churn/, on the same data, which has run."""
    base, folder = worlds.base(), tmp_path_factory.mktemp("two")
    project, churn = Project(folder / "work"), Project(folder / "work/churn")
    Project(folder).ok("git", "clone", "--quiet", str(base / "origin.git"), str(project.folder))
    shutil.copytree(base / "cache", project.folder / ".dvc/cache", dirs_exist_ok=True)
    project.ok("pipeline", "new", "churn")
    shutil.copytree(project.folder / "data", churn.folder / "data")
    deploy = {**shipping.BOUNDS, "name": DEPLOYED["churn"], "port": PORTS["churn"], "operator_port": None}
    churn.configure(data={"added": str(folder / "store")}, deploy=deploy, monitor=MONITOR)
    churn.ok("pipeline", "run")
    return project.folder


def add_churn(world: World, trained: Path) -> None:
    """Add churn to main."""
    shutil.copytree(trained / "churn", world.work.folder / "churn")
    shutil.copytree(trained / ".dvc/cache", world.work.folder / ".dvc/cache", dirs_exist_ok=True)
    world.work.commit("churn")
    world.publish()


@pytest.fixture
def world(base: Path, trained: Path, tmp_path: Path) -> Iterator[World]:
    """main has the pipeline at the top and another one in churn/."""
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        world = World(tmp_path, base, github)
        add_churn(world, trained)
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


class Production(Watched):
    """The two pipelines, released to one host, with a log and labels of each."""

    def __init__(self, folder: Path, base: Path, trained: Path, github: StandIn, registry: str) -> None:
        super().__init__(folder, base, github)
        self.shipping = Shipping(folder, self.machine, registry)
        self.shipping.configure(self.work)
        self.work.configure(monitor=MONITOR)
        add_churn(self, trained)
        self.machine.cache.unlink()
        self.machine.cache.symlink_to(self.work.folder / ".dvc/cache")
        for variable, where in (("LOG", "log"), ("LABELS", "labels.csv")):
            self.variables[f"PIPELINE_{variable}_URL"] = str(folder / "{deploy.name}" / where)

    def ship(self) -> WorkflowResult:
        result = self.shipping.ship(self.main, NAME)
        assert self.state["violations"] == [], self.state["violations"]
        return result

    def log_rows(self, pipeline: str, rows: int, **columns: Any) -> None:
        """Log rows as the pipeline's service does, with other values in some columns, and label them."""
        table, folder = small_table("binary", rows, seed=5), self.store.with_name(DEPLOYED[pipeline])
        scores = cycle(pd.read_parquet(self.work.folder / "churn/reports/scores.parquet")["score"])
        lines = [
            line | {"score": score} for line, score in zip(scenes.lines(table.assign(**columns)), scores, strict=False)
        ]
        scenes.write_log(folder / "log", lines)
        scenes.write_labels(folder / "labels.csv", {f"r-{row}": label for row, label in enumerate(table["outcome"])})


@pytest.fixture
def production(base: Path, trained: Path, tmp_path: Path) -> Iterator[Production]:
    parts.require_parts()
    (tmp_path / "proxy").mkdir()
    proxy_image(tmp_path / "proxy")
    stand_in = StandIn(worlds.new_state(), git=tmp_path / "origin.git")
    with parts.registry(tmp_path / "registry") as registry, stand_in as github:
        for name in DEPLOYED.values():
            clean(name)
        yield Production(tmp_path, base, trained, github, registry)
        for name in DEPLOYED.values():
            clean(name)


def predict(pipeline: str, row: Any) -> Any:
    """What the pipeline's service answers for a row."""
    body = json.dumps({"rows": [row]}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{PORTS[pipeline]}/predict", body, timeout=60) as response:
        return json.loads(response.read())["predictions"][0]


def test_both_serve_on_one_host_and_the_one_that_drifts_is_retrained(production: Production) -> None:
    jobs = {"pipelines", "release", "release-churn", "released", "deploy", "deploy-churn"}
    assert production.ship().jobs == dict.fromkeys(jobs, "success")
    for pipeline in PORTS:
        release = production.shipping.manifest(pipeline)
        image = f"{production.shipping.registry}/{NAME}{pipeline and f'/{pipeline}'}@sha256:"
        assert release["image"].startswith(image)
        golden = release["golden"][0]
        assert golden["expected"].items() <= predict(pipeline, golden["row"]).items()
    environments = {data["environment"]: data["payload"]["image"] for data in production.state["deployments"]}
    assert set(environments) == {"production", "production/churn"}
    assert "/churn@" in environments["production/churn"]

    production.work.configure(deploy={"replay": 1})  # of the top's deployment: nothing of an image
    production.work.commit("another canary")
    production.publish()
    again = production.ship()
    assert set(again.jobs) == {"pipelines", "release", "release-churn", "released"}
    assert again.log.count(": nothing to build: ") >= 2

    production.log_rows("", 6 * WINDOW)
    production.log_rows("churn", 6 * WINDOW, age=90)
    watched = production._act(
        "monitor", "schedule", {}, production.main, variables=production.variables, runners=HOSTED
    )
    assert watched.jobs == dict.fromkeys(("pipelines", "watch", "watch-churn"), "success")
    (issue,) = production.state["issues"]
    assert issue["title"].startswith("Monitor (churn): ")
    assert issue["labels"] == ["monitor/churn", "drift"]
    (dispatch,) = production.state["dispatches"]
    assert dispatch["inputs"] == {"issue": str(issue["number"]), "pipeline": "churn"}

    assert production.retrain(issue["number"], pipeline="churn").jobs == {"retrain": "success"}
    (pull,) = production.state["pulls"]
    assert pull["head"]["ref"] == "retrain-churn/drift"
    assert pull["title"] == f"Retrain churn on {6 * WINDOW} newly labelled rows"
    assert set(production.recorded()) == {"churn/data/source.json"}
