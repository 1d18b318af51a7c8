"""From labels that came later to a measured pull request: retrain.yaml and all that it starts, with act."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import small_table
from tests.pipeline.github.standin import StandIn
from tests.pipeline.watch.retrain import scenes
from tests.pipeline.workflows import world as worlds
from tests.pipeline.workflows.retraining import BRANCH, RUN, Watched
from tests.pipeline.workflows.world import NAME

pytestmark = pytest.mark.engine

ISSUE, SINCE = 3, "2026-11-01"


class Retraining(Watched):
    """Rows that were answered and labelled later, and an open issue."""

    def __init__(self, folder: Path, base: Path, github: StandIn) -> None:
        super().__init__(folder, base, github)
        github.hub.update({"issues": [{"number": ISSUE, "title": "Drift: age has moved", "state": "open"}]})

    def log_rows(self, rows: int) -> None:
        """Log `rows` rows as the service does, and label them."""
        table = small_table("binary", rows, seed=3)
        scenes.write_log(self.log, scenes.lines(table))
        scenes.write_labels(self.labels, {f"r-{index}": label for index, label in enumerate(table["outcome"])})


@pytest.fixture
def world(base: Path, tmp_path: Path) -> Iterator[Retraining]:
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        yield Retraining(tmp_path, base, github)


def test_labelled_rows_become_a_pull_request_that_is_measured_judged_and_recorded(world: Retraining) -> None:
    world.configure_store()
    world.log_rows(300)

    assert world.retrain(ISSUE, since=SINCE).jobs == {"retrain": "success"}

    pull = world.take_proposal()
    assert pull["title"] == "Retrain on 300 newly labelled rows"
    assert f"Retrains for #{ISSUE}: Drift: age has moved" in pull["body"]
    assert len(world.comments(ISSUE)) == 1
    assert f"#{pull['number']} adds 300 newly labelled rows" in world.comments(ISSUE)[0]

    assert world.measure(pull).jobs == {"measure": "success", "hand-over": "success"}
    assert world.state["dispatches"][-1]["inputs"] == {"run": str(RUN), "head": f"{NAME}:{BRANCH}"}
    assert world.answer_measured().jobs == {"answer": "success", "record": "success"}

    (comment,) = [data["body"] for data in world.state["comments"] if data["issue"] == pull["number"]]
    assert f"run={RUN} attempt=1 head={world.head()} state=final" in comment
    recorded = world.state["refs"][f"heads/{BRANCH}"]
    assert world.state["commits"][recorded]["parents"] == [world.head()]
    assert "dvc.lock" in world.recorded()
    assert world.status(recorded)[0] == "success"
    assert (world.state["dispatches"][-1]["workflow"], world.state["dispatches"][-1]["ref"]) == ("test.yaml", BRANCH)


def test_without_a_store_for_rows_the_issue_says_how_to_configure_one(world: Retraining) -> None:
    world.log_rows(20)

    result = world.retrain(ISSUE, since=SINCE)

    assert result.jobs == {"retrain": "failure"}
    (comment,) = world.comments(ISSUE)
    assert "data.added" in comment
    assert "set it in params.yaml" in comment
    assert world.state["pulls"] == []
    assert world.state["dispatches"] == []


def test_nothing_to_learn_from_is_no_failure_and_the_issue_says_why(world: Retraining) -> None:
    world.configure_store()
    world.log_rows(20)
    scenes.write_labels(world.labels, {"other-0": "yes"})

    assert world.retrain(ISSUE, since=SINCE).jobs == {"retrain": "success"}

    (comment,) = world.comments(ISSUE)
    assert "none of 1 label belongs to one of 20 logged rows" in comment
    assert world.state["pulls"] == []
