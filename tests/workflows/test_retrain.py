"""From labels that came later to a measured pull request: retrain.yaml and all that it starts, by act."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project, small_table
from tests.github.standin import StandIn
from tests.retrain import scenes
from tests.workflows import world as worlds
from tests.workflows.acting import Acted
from tests.workflows.world import NAME, RUNNERS, World

BRANCH, ISSUE = "retrain/drift", 3
RUN = 1  # of every run, as act has it


class Retraining(World):
    """A repository whose data grows in a store, with a log, labels and an open issue."""

    def __init__(self, folder: Path, made: Path, github: StandIn) -> None:
        super().__init__(folder, made, github)
        self.store, self.log, self.labels = folder / "store", folder / "log", folder / "labels.csv"
        self.variables = RUNNERS | {"PIPELINE_LOG_URL": str(self.log), "PIPELINE_LABELS_URL": str(self.labels)}
        github.hub.update({"issues": [{"number": ISSUE, "title": "Drift: age has moved", "state": "open"}]})

    def name_a_store(self) -> None:
        """A commit on main that names it; the model stays as it is."""
        shutil.copytree(self.machine.cache, self.work.folder / ".dvc/cache")
        self.work.configure(data={"added": str(self.store)})
        self.work.ok("pipeline", "fetch")
        self.work.ok("dvc", "repro", "--quiet")
        self.work.commit("name a store for labelled rows")
        self.work.ok("git", "push", "--quiet", str(self.origin), "HEAD:refs/heads/main")
        Project(self.main).ok("git", "pull", "--quiet", str(self.origin), "main")

    def answer(self, rows: int) -> None:
        """So many rows are answered by the service, and labelled later."""
        table = small_table("binary", rows, seed=3)
        scenes.write_log(self.log, scenes.lines(table))
        scenes.write_labels(self.labels, {f"r-{place}": label for place, label in enumerate(table["outcome"])})

    def retrain(self) -> Acted:
        inputs = {"issue": str(ISSUE), "since": "2026-11-01"}
        return self.dispatched("retrain", inputs, self.main)

    def dispatched(self, workflow: str, inputs: dict[str, str], checkout: Path) -> Acted:
        return self._act(
            workflow,
            "workflow_dispatch",
            {"inputs": inputs},
            checkout,
            variables=self.variables,
            actor="github-actions[bot]",
        )

    def proposed(self) -> dict[str, Any]:
        """The pull request; its branch, which the stand-in alone has, becomes one of the repository."""
        (pull,) = self.state["pulls"]
        (entry,) = self.github.calls("POST", "^git/trees$")[-1]["body"]["tree"]
        self.work.ok("git", "checkout", "--quiet", "-b", BRANCH, "main")
        (self.work.folder / entry["path"]).write_text(entry["content"], encoding="utf-8")
        self.work.commit("the batch")
        self.work.ok("git", "push", "--quiet", str(self.origin), f"HEAD:refs/heads/{BRANCH}")
        del self.state["refs"][f"heads/{BRANCH}"]
        pull["head"]["sha"] = self.head()
        assert isinstance(pull, dict)
        return pull

    def measure(self, pull: dict[str, Any]) -> Acted:
        """The run of train.yaml that the workflow has started."""
        run = {"id": RUN, "head_sha": pull["head"]["sha"], "head_branch": BRANCH, "event": "workflow_dispatch"}
        self.state["runs"].append(run | {"status": "in_progress", "conclusion": None})
        (started,) = [call for call in self.state["dispatches"] if call["workflow"] == "train.yaml"]
        assert started["ref"] == BRANCH
        acted = self.dispatched("train", started["inputs"], self.work.folder)
        self.state["artifacts"] += [
            {"id": 10 + place, "run": RUN, "name": folder.name, "file": str(folder)}
            for place, folder in enumerate(sorted(self.machine.artifacts.iterdir()))
        ]
        self.state["runs"][0] |= {"status": "completed", "conclusion": acted.jobs["measure"]}
        return acted

    def told(self) -> list[str]:
        return [data["body"] for data in self.state["comments"] if data["issue"] == ISSUE]


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that every story begins with; with xdist its workers share it."""
    shared = tmp_path_factory.getbasetemp()
    return worlds.base(shared.parent if shared.name.startswith("popen-") else shared)


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Iterator[Retraining]:
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        yield Retraining(tmp_path, made, github)


def test_labelled_rows_become_a_pull_request_that_is_measured_judged_and_recorded(world: Retraining) -> None:
    world.name_a_store()
    world.answer(300)

    assert world.retrain().jobs == {"retrain": "success"}

    pull = world.proposed()
    assert pull["title"] == "Retrain on 300 newly labelled rows"
    assert f"Retrains for #{ISSUE}: Drift: age has moved" in pull["body"]
    assert len(world.told()) == 1
    assert f"#{pull['number']} brings 300 newly labelled rows" in world.told()[0]

    assert world.measure(pull).jobs == {"measure": "success", "hand-over": "success"}
    asked = world.state["dispatches"][-1]
    assert asked["workflow"] == "comment.yaml"
    assert asked["inputs"] == {"run": str(RUN), "head": f"{NAME}:{BRANCH}"}
    assert world.dispatched("comment", asked["inputs"], world.main).jobs == {"answer": "success", "record": "success"}

    (comment,) = [data["body"] for data in world.state["comments"] if data["issue"] == pull["number"]]
    assert f"run={RUN} attempt=1 head={world.head()} state=final" in comment
    recorded = world.state["refs"][f"heads/{BRANCH}"]
    assert world.state["commits"][recorded]["parents"] == [world.head()]
    assert "dvc.lock" in world.recorded()
    assert world.status(recorded)[0] == "success"
    assert (world.state["dispatches"][-1]["workflow"], world.state["dispatches"][-1]["ref"]) == ("test.yaml", BRANCH)


def test_a_repository_without_a_store_for_rows_is_told_in_its_issue_how_to_name_one(world: Retraining) -> None:
    world.answer(20)

    acted = world.retrain()

    assert acted.jobs == {"retrain": "failure"}
    (told,) = world.told()
    assert "data.added" in told
    assert "set it in params.yaml" in told
    assert world.state["pulls"] == []
    assert world.state["dispatches"] == []


def test_nothing_to_learn_from_is_no_failure_and_the_issue_says_why(world: Retraining) -> None:
    world.name_a_store()
    world.answer(20)
    scenes.write_labels(world.labels, {"other-0": "yes"})

    assert world.retrain().jobs == {"retrain": "success"}

    (told,) = world.told()
    assert "none of 1 labels is of one of 20 logged rows" in told
    assert world.state["pulls"] == []
