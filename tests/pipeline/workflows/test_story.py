"""From an opened pull request to its comment, its status and its recorded lock: the workflows themselves, with act."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.github.standin import StandIn
from tests.pipeline.workflows import world as worlds
from tests.pipeline.workflows.acting import HOSTED, OWN
from tests.pipeline.workflows.world import AUTHOR, COMMITTER, FORK, LABEL, MAINTAINER, READER, World

pytestmark = pytest.mark.engine


@pytest.fixture
def world(base: Path, tmp_path: Path) -> Iterator[World]:
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        yield World(tmp_path, base, github)


def more_leaves(project: Project) -> None:
    project.configure(train={"num_leaves": 24})


def test_a_pull_request_is_announced_measured_answered_and_recorded_and_answered_again_in_the_same_place(
    world: World, tmp_path: Path
) -> None:
    del world.machine.env["STANDIN_HASTE"]
    world.variables["MLFLOW_TRACKING_URI"] = f"sqlite:///{tmp_path}/mlflow.db"
    pull = world.open(more_leaves)
    measured = pull["head"]["sha"]

    run = world.queue(pull)

    assert "state=waiting" in world.comment()
    assert world.status(measured)[0] == "pending"

    trained = world.train(run, pull)
    answered = world.finish(run)

    assert trained.jobs == {"measure": "success"}
    assert {"drift.html", "model_card.md", "metrics.json"} <= world.artifact_files(run, "reports")
    assert answered.jobs == {"answer": "success", "record": "success"}
    assert f"run={run['id']} attempt=1 head={measured} state=final" in world.comment()
    assert "num_leaves" in world.comment()
    assert world.status(measured)[0] == "success"
    recorded = world.recorded_commit()
    assert recorded
    assert recorded != measured
    assert world.state["commits"][recorded]["parents"] == [measured]
    assert set(world.recorded()) >= {"dvc.lock", "reports/metrics.json"}
    assert _logged_locks(tmp_path / "mlflow.db") == [_md5(world.recorded()["dvc.lock"])]
    assert ("pending", "recording what was measured") in world.statuses(measured)
    assert world.status(recorded) == world.status(measured)
    assert [(call["workflow"], call["ref"]) for call in world.state["dispatches"]] == [("test.yaml", "change")]

    world.machine.env["STANDIN_HASTE"] = "1"
    del world.variables["MLFLOW_TRACKING_URI"]
    world.push(pull, lambda project: project.configure(train={"learning_rate": 0.07}))
    second = world.queue(pull)
    assert world.train(second, pull).jobs == {"measure": "success"}
    assert world.finish(second).jobs["answer"] == "success"

    assert f"run={second['id']} " in world.comment()
    assert "learning_rate" in world.comment()
    newest = world.comment()
    world.finish(run)  # GitHub delivers late
    assert world.comment() == newest


def test_a_fork_is_measured_on_a_hosted_runner_and_its_comment_says_how_to_record(world: World) -> None:
    pull = world.open(lambda project: project.configure(card={"title": "Another"}), source=FORK)  # no training
    run = world.queue(pull)

    assert world.train(run, pull, runners=OWN).jobs == {}
    assert world.train(run, pull, runners=HOSTED).jobs == {"measure": "success"}
    answered = world.finish(run)

    assert answered.jobs == {"answer": "success"}
    assert world.status(pull["head"]["sha"]) == ("pending", "commit dvc.lock as the comment says")
    assert f"gh run download {run['id']}" in world.comment()
    assert "dvc.lock" in world.comment()
    assert world.recorded_commit() is None


def test_a_failing_stage_is_named_with_its_last_lines(world: World) -> None:
    pull = world.open(
        lambda project: _replace(
            project,
            "data/schema.yaml",
            "age: {type: integer, nullable: false, min: 0}",
            "age: {type: integer, nullable: false, min: 40}",
        )
    )
    run = world.queue(pull)

    trained = world.train(run, pull)
    answered = world.finish(run)

    assert trained.jobs == {"measure": "failure"}
    assert answered.jobs == {"answer": "success"}
    assert "validate" in world.comment()
    assert "age" in world.comment()
    assert world.status(pull["head"]["sha"])[0] == "failure"
    assert world.recorded_commit() is None


def test_a_degraded_model_fails_until_a_maintainer_overrules_it_for_that_commit_only(world: World) -> None:
    pull = world.open(lambda project: project.configure(features={"exclude": ["income", "town"]}))
    assert world.measure_and_answer(pull).jobs == {"answer": "success", "record": "success"}
    head = pull["head"]["sha"]  # the bot's commit
    state, description = world.status(head)
    assert state == "failure"
    assert "ROC AUC" in description
    assert "The gate fails" in world.comment()
    assert "worse than origin/main by more than the 0.005 allowed" in world.comment()

    for person in (AUTHOR, COMMITTER, READER):
        assert world.label(pull, person, reason="I like it").jobs == {"overrule": "failure"}
        assert world.status(head)[0] == "failure"
    assert world.label(pull, MAINTAINER).jobs == {"overrule": "failure"}
    (refusal,) = [data["body"] for data in world.state["comments"] if "override-refused" in data["body"]]
    assert f"{MAINTAINER} gave no reason" in refusal

    assert world.label(pull, MAINTAINER, reason="income may not be used").jobs == {"overrule": "success"}
    assert world.status(head)[0] == "success"
    assert world.status(head)[1].startswith(f"overruled by {MAINTAINER}")
    assert f"Overruled by @{MAINTAINER}" in world.comment()
    assert f"for {head[:7]}: income may not be used" in world.comment()

    assert world.label(pull, MAINTAINER, "unlabeled").jobs == {"overrule": "success"}
    assert ("pending", "the override was withdrawn") in world.statuses(head)
    assert world.status(head)[0] == "failure"
    assert world.label(pull, AUTHOR).jobs == {"overrule": "failure"}
    assert world.status(head)[0] == "failure"

    assert world.overrule(pull, AUTHOR, "it is mine").jobs == {"overrule": "failure"}
    assert world.overrule(pull, MAINTAINER, "income may not be used").jobs == {"overrule": "success"}
    assert world.status(head)[0] == "success"
    world.push(pull, lambda project: (project.folder / "README.md").write_text("A worse model\n", encoding="utf-8"))
    world.measure_and_answer(pull)
    assert pull["labels"] == [LABEL]
    assert "set for an earlier commit" in world.comment()
    assert world.status(pull["head"]["sha"])[0] == "failure"


def test_a_pull_request_that_changes_what_judges_is_judged_by_mains_rules_and_waits_for_a_person(world: World) -> None:
    pull = world.open(lambda project: project.configure(gate={"floors": {"roc_auc": 0.1}, "tolerance": 0.5}))
    run = world.queue(pull)

    trained = world.train(run, pull)
    world.finish(run)

    assert "Running stage" not in trained.log
    state, description = world.status(pull["head"]["sha"])
    assert state == "failure"
    assert description == "needs a person: it changes what judges (gate.tolerance, gate.floors.roc_auc)"
    assert "Needs a person: it changes what judges" in world.comment()

    accepted = world.overrule(pull, MAINTAINER, "agreed with the team")
    assert accepted.jobs == {"overrule": "success"}
    assert world.status(pull["head"]["sha"])[0] == "success"


def test_a_change_of_the_documentation_trains_nothing_and_says_so(world: World) -> None:
    pull = world.open(lambda project: (project.folder / "README.md").write_text("The model\n", encoding="utf-8"))
    run = world.queue(pull)

    trained = world.train(run, pull)
    answered = world.finish(run)

    assert "Running stage" not in trained.log
    assert answered.jobs == {"answer": "success"}
    assert "no change" in world.comment()
    assert world.status(pull["head"]["sha"])[0] == "success"


def test_in_a_new_repository_the_comment_names_the_missing_runner_and_the_variable_to_set(
    base: Path, tmp_path: Path
) -> None:
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        world = World(tmp_path, base, github, variables={})
        (world.machine.cache).unlink()  # nothing has run here yet
        pull = world.open(more_leaves)

        waiting = world.queue(pull, "queued")

        assert world.train(waiting, pull, runners=HOSTED).jobs == {}
        assert "self-hosted" in world.comment()
        assert "gh variable set RUNNER_LABELS" in world.comment()
        assert world.status(pull["head"]["sha"])[0] == "pending"

        world.variables["RUNNER_LABELS"] = '["ubuntu-latest"]'
        run = world.queue(pull)
        assert world.train(run, pull, runners=HOSTED).jobs == {"measure": "success"}
        assert world.finish(run).jobs == {"answer": "success", "record": "success"}
        assert world.status(pull["head"]["sha"])[0] == "success"


def test_a_cancelled_run_says_so_unless_another_one_follows(world: World) -> None:
    pull = world.open(more_leaves)
    run = world.queue(pull)
    run |= {"status": "completed", "conclusion": "cancelled"}

    assert world.finish(run).jobs == {"answer": "success"}
    assert "cancelled" in world.comment()
    assert world.status(pull["head"]["sha"])[0] == "error"

    world.queue(pull)
    newer = world.comment()
    assert world.finish(run).jobs == {"answer": "success"}
    assert world.comment() == newer
    assert world.status(pull["head"]["sha"])[0] == "pending"


def _logged_locks(database: Path) -> list[str]:
    """The MD5 of dvc.lock of each run in an MLflow store."""
    with closing(sqlite3.connect(database)) as store:
        return [lock for (lock,) in store.execute("SELECT value FROM tags WHERE key = 'dvc_lock'")]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _replace(project: Project, name: str, old: str, new: str) -> None:
    text = project.read(name)
    assert old in text
    (project.folder / name).write_text(text.replace(old, new), encoding="utf-8")
