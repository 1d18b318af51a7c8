"""The whole loop with real parts: a release, drift, one issue, labels, a retraining pull request, a canary, recovery.

The split is by time: at each turn one model is measured, and another one that has learned all rows ships.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.github.standin import StandIn
from tests.pipeline.ship.deploy.hosts import clean, proxy_image
from tests.pipeline.ship.release import parts
from tests.pipeline.workflows import production, shipping
from tests.pipeline.workflows import world as worlds
from tests.pipeline.workflows.acting import WorkflowResult
from tests.pipeline.workflows.production import Production

pytestmark = pytest.mark.engine

WINDOW = 200  # rows
PARAMETERS: dict[str, dict[str, Any]] = {
    "split": {"time": "since"},
    # The recession is 0.7 away from the first model's predictions; without it, the second model's are up to 0.35 away
    # from those of its test rows, which are of the recession.
    "drift": {"threshold": 0.5},
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
CANARY: dict[str, Any] = {
    "steps": [50, 100],
    "min_requests": 20,
    "deadline": 120,
    "latency_floor": 1000,  # the machine may be busy
    "replay": 50,
    "min_agreement": 0.0,  # after the recession the retrained model answers half of the rows otherwise
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
def world(base: Path, tmp_path: Path) -> Iterator[Production]:
    parts.require_parts()
    (tmp_path / "proxy").mkdir()
    proxy_image(tmp_path / "proxy")
    stand_in = StandIn(worlds.new_state(), git=tmp_path / "origin.git")
    with parts.registry(tmp_path / "registry") as registry, stand_in as github:
        clean(shipping.DEPLOYMENT)
        yield Production(tmp_path, base, github, registry)
        clean(shipping.DEPLOYMENT)


def open_issues(world: Production) -> list[int]:
    return [issue["number"] for issue in world.state["issues"] if issue.get("state", "open") == "open"]


def starts(world: Production, workflow: str) -> int:
    return sum(call["workflow"] == workflow for call in world.state["dispatches"])


def report(world: Production, number: int) -> str:
    """The one comment of an issue or a pull request."""
    (comment,) = world.comments(number)
    return comment


def check_release(world: Production, shipped: WorkflowResult) -> Mapping[str, Any]:
    """Check that main's release is signed and attested, serves, and answers as the model that ships; its manifest."""
    assert shipped.jobs == dict.fromkeys(("pipelines", "release", "released", "deploy"), "success")
    release = world.shipping.manifest()
    assert release["image"].startswith(f"{world.shipping.registry}/{worlds.NAME}@sha256:")
    assert f"attest {release['image']}" in shipped.log
    verify = ("pipeline", "release", "verify", release["image"], "--key", str(world.shipping.public))
    assert "signed" in world.work.ok(*verify, PATH=parts.programs())
    assert "signature verified" in shipped.log
    assert "20 golden rows answered exactly as in training" in shipped.log
    assert "the verdict is on the procedure" in shipped.log
    assert release["commit"] == world.deployed()["ref"] == world.head()
    assert world.deployed()["state"] == "success"
    assert production.serving() == release["id"]
    answer = production.predict(release["golden"][0]["row"])
    assert release["golden"][0]["expected"].items() <= answer.items()
    return release


def check_models(world: Production, rows: int, test: int) -> None:
    """Check what the two models of the work tree have learned."""
    for folder, learned in (("models", rows), ("models/measured", rows - test)):
        assert json.loads(world.work.read(f"{folder}/signature.json"))["refitted"]["count"] == learned


def check_reference(monitored: WorkflowResult, test: int) -> None:
    """Check that the monitor compares with the measured model's answers to as many test rows."""
    assert f"predictions and performance with {test} test rows" in monitored.log


def check_performance(monitored: WorkflowResult) -> None:
    """Check that the reference is out of time: the model that ships knows the test rows that were replayed."""
    match = re.search(r"roc_auc (0\.\d+) .* on the test rows (0\.\d+)", monitored.log)
    assert match
    replayed, reference = map(float, match.groups())
    assert replayed > reference + 0.02


def test_drift_becomes_one_issue_then_a_pull_request_and_the_retrained_model_closes_it(
    world: Production, tmp_path: Path
) -> None:
    (world.work.folder / "src/project/shifts.py").write_text(SHIFTS, encoding="utf-8")
    world.shipping.configure(world.work, **CANARY)
    world.configure_store(**PARAMETERS)
    later = tmp_path / "later.csv"  # labels that come later
    first = check_release(world, world.ship())

    world.send("none", 3 * WINDOW, world.labels)
    monitored = world.run_monitor()
    check_reference(monitored, test=241)
    check_performance(monitored)
    assert world.state["issues"] == []

    world.send("recession", 4 * WINDOW, later)
    for _ in range(2):
        world.run_monitor()
    (issue,) = open_issues(world)
    assert starts(world, "retrain.yaml") == 1
    before = report(world, issue)
    assert "age" in before

    with world.labels.open("a", encoding="utf-8") as labels:
        labels.writelines(later.read_text(encoding="utf-8").splitlines(keepends=True)[1:])
    world.run_monitor()
    assert open_issues(world) == [issue]
    assert report(world, issue) != before

    assert world.retrain(issue).jobs == {"retrain": "success"}
    pull = world.take_proposal()
    assert f"Retrains for #{issue}" in pull["body"]
    assert "| to test | 520 | 2026-" in pull["body"]
    assert world.measure(pull).jobs["measure"] == "success"
    assert world.answer_measured().jobs == {"answer": "success", "record": "success"}
    comment = report(world, pull["number"])
    for side in ("1,560 train (+360 new, 2020-", "520 validate (+520 new, ", "520 test (+520 new, "):
        assert side in comment
    assert "The model that ships learned all 2,600: the verdict is on the procedure" in comment
    assert world.status(world.state["refs"]["heads/retrain/drift"])[0] == "success"

    world.merge(pull)
    check_models(world, rows=2600, test=520)
    world.run_monitor()
    assert open_issues(world) == [issue], world.state["issues"]  # merged, but not in production yet

    with world.clients():  # the newest rows, which are those of the recession
        shipped = world.ship()
    second = check_release(world, shipped)
    assert second["id"] != first["id"]
    assert f"judged against release {first['id']}" in shipped.log
    assert "100 %: good" in shipped.log
    world.send("none", 3 * WINDOW, tmp_path / "unknown.csv")
    check_reference(world.run_monitor(), test=520)
    assert open_issues(world) == []
    world.run_monitor()
    assert len(world.state["issues"]) == 1, world.state["issues"][1:]
    assert starts(world, "retrain.yaml") == 2  # at the alarm, and when its first labels came

    (world.work.folder / "README.md").write_text("Better words\n", encoding="utf-8")
    world.work.commit("documentation")
    world.publish()
    documented = world.ship()
    assert documented.jobs == dict.fromkeys(("pipelines", "release", "released"), "success")  # and no `deploy`
    assert f"release {second['id']}: nothing to build: {second['image']}" in documented.log
