"""Two watched pipelines, one at the top and one in churn/: each has issues and a retraining pull request of its own."""

import json
import os
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest

from pipeline.core import pipelines
from pipeline.core.git import git
from pipeline.watch.retrain import outcome
from pipeline.watch.retrain.outcome import Outcome
from tests.pipeline.conftest import FROZEN, ROOT
from tests.pipeline.github.conftest import LOCK, TEMPLATE, Pipeline, Scene, commit
from tests.pipeline.github.drift_issue.watching import DAY, START, Watch, result

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two pipelines on main."""
    folder = tmp_path_factory.mktemp("two")
    git(folder, "init", "-q", "-b", "main")
    stages = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    parameters = (FROZEN / "params.yaml").read_text(encoding="utf-8")
    top = {"dvc.yaml": stages, "params.yaml": parameters, "dvc.lock": LOCK}
    own = top | {"dvc.yaml": pipelines.stages_at("churn/", stages)}
    own["params.yaml"] = parameters.replace("name: null", "name: churn", 1)
    files = {".template.yaml": TEMPLATE} | top | {f"churn/{path}": text for path, text in own.items()}
    commit(folder, files, "start")
    git(folder, "branch", "feature")
    return folder


@pytest.fixture
def watch(scene: Scene, pipeline: Pipeline) -> Watch:
    return Watch(scene, pipeline)


@contextmanager
def churn() -> Iterator[None]:
    with chdir("churn"):
        yield


def test_each_has_an_issue_of_its_own_and_starts_its_own_retraining(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    with churn():
        watch(result(3, "data_drift"))
        watch(result(4, "data_drift", "latency"))
    watch(result(4))

    top, own = watch.issues
    assert (top["title"], top["state"]) == ("Monitor: data drift", "closed")
    assert (own["title"], own["state"]) == ("Monitor (churn): data drift, latency", "open")
    assert (top["labels"], own["labels"]) == (["monitor", "drift"], ["monitor/churn", "drift"])
    assert own["body"].startswith("<!-- pipeline-monitor pipeline=churn kind=drift -->\n")
    assert [call["inputs"] for call in watch.dispatches] == [
        {"issue": str(top["number"])},
        {"issue": str(own["number"]), "pipeline": "churn"},
    ]


def test_each_has_a_warning_of_its_own(watch: Watch) -> None:
    gone = {"kind": "log", "reason": "s3://b/log: does not exist"}
    with churn():
        watch(result(3, blind=gone))
    watch(result(3))
    (issue,) = watch.open
    assert issue["title"] == "Monitor (churn): the prediction log can't be read"
    with churn():
        watch(result(4))
    assert watch.open == []


def test_a_line_that_names_another_pipeline_is_another_pipelines(watch: Watch) -> None:
    with churn():
        watch(result(3, "data_drift"))
    watch.issues[0]["labels"] = ["monitor"]  # as a person may
    watch(result(3))
    assert len(watch.open) == 1


def test_the_release_that_ends_an_issue_is_the_pipelines_own(watch: Watch) -> None:
    with churn():
        watch(result(3, "data_drift"))
        pull = watch.add_retraining(watch.issues[0]["number"], merged=watch.scene.base)
        pull["head"]["ref"] = "retrain-churn/drift"
        watch.scene.github.state["pulls"][-1]["head"]["ref"] = "retrain-churn/drift"
        watch.deploy(watch.scene.base, START + 4 * DAY)  # to `production`, which is the top's
        watch(result(5, "data_drift"))
        assert len(watch.open) == 1
        watch.scene.github.state["deployments"][-1]["environment"] = "production/churn"
        watch(result(6, "data_drift"))
    assert watch.open == []
    assert "is in production" in watch.issues[0]["body"]


def test_each_has_a_branch_and_a_pull_request_of_its_own(scene: Scene, pipeline: Pipeline) -> None:
    for folder in ("", "churn"):
        source = Path(folder, "data/source.json")
        source.parent.mkdir(exist_ok=True)
        source.write_text(json.dumps({"folder": folder}), encoding="utf-8")
        with chdir(Path(folder) or os.curdir):
            outcome.write(Outcome(state="added", sentence="9 newly labelled rows", labels=9, labelled=9, rows=9))
            code, printed = pipeline("propose")
            assert code == 0, printed

    top, own = scene.github.state["pulls"][1:]
    assert (top["head"]["ref"], own["head"]["ref"]) == ("retrain/drift", "retrain-churn/drift")
    assert (top["title"], own["title"]) == (
        "Retrain on 9 newly labelled rows",
        "Retrain churn on 9 newly labelled rows",
    )
    assert "It changes `churn/data/source.json` alone" in own["body"]
    entries = [call["body"]["tree"][0] for call in scene.github.calls("POST", "^git/trees$")]
    assert [(entry["path"], json.loads(entry["content"])["folder"]) for entry in entries] == [
        ("data/source.json", ""),
        ("churn/data/source.json", "churn"),
    ]
    started = [(call["workflow"], call["ref"]) for call in scene.github.state["dispatches"]]
    assert started == [
        (workflow, branch)
        for branch in ("retrain/drift", "retrain-churn/drift")
        for workflow in ("train.yaml", "test.yaml")
    ]
