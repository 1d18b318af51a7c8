"""A repository with two pipelines, one at the top and one in churn/: each has its status and its comment."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import pipelines
from pipeline.core.git import git
from pipeline.github.pull_request.touched import UNTOUCHED
from tests.pipeline.conftest import FROZEN, ROOT
from tests.pipeline.github.conftest import LOCK, RUN, TEMPLATE, Pipeline, Scene, commit

pytestmark = pytest.mark.engine

METRICS = '{"roc_auc": 0.7}\n'
NOT_TOUCHED, RECORDING, PASS = ("success", UNTOUCHED), ("pending", "recording what was measured"), ("success", "pass")
OWN_LOCK = LOCK.replace("src/pipeline", "../src/pipeline")
MEASURED_LOCK = OWN_LOCK.replace("cmd: train\n", "cmd: train --more\n")
MAINS_LOCK = OWN_LOCK.replace("cmd: train\n", "cmd: train --main\n")
RECORDED = ["dvc.lock", "reports/metrics.json"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two pipelines on main; the branch `feature` changes the one at the top."""
    folder = tmp_path_factory.mktemp("two")
    git(folder, "init", "-q", "-b", "main")
    stages = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    parameters = (FROZEN / "params.yaml").read_text(encoding="utf-8")
    shared = {".template.yaml": TEMPLATE, ".dvcignore": "/src/pipeline/models/shown.py\n", ".dvc/config": ""}
    top = {"dvc.yaml": stages, "params.yaml": parameters, "dvc.lock": LOCK, "reports/metrics.json": METRICS}
    own = top | {"dvc.yaml": pipelines.stages_at("churn/", stages), "dvc.lock": OWN_LOCK}
    own["params.yaml"] = parameters.replace("name: null", "name: churn", 1)
    commit(folder, shared | top | {f"churn/{path}": text for path, text in own.items()}, "start")
    git(folder, "checkout", "-q", "-b", "feature")
    commit(folder, {"src/project/features.py": "more = 1\n"}, "More features")
    git(folder, "checkout", "-q", "main")
    return folder


@pytest.fixture(autouse=True)
def only_here(scene: Scene) -> None:
    """The artifact has both measurements: the one at the top measured a model, churn's found nothing to run."""
    measure(scene, outcome="unchanged", files={"dvc.lock": OWN_LOCK, "metrics.json": METRICS})


def measure(scene: Scene, outcome: str = "measured", files: dict[str, str] | None = None) -> None:
    """The artifact with a measurement of either pipeline; `outcome` and `files` are those of churn's."""
    manifest = {"head": scene.head, "base": "origin/main", "base_commit": scene.base, "outcome": outcome}
    own = files or {"dvc.lock": MEASURED_LOCK, "metrics.json": json.dumps({"metrics": {}})}
    own |= {"measurement.json": json.dumps(manifest)}
    scene.measure({f"churn/{name}": text for name, text in own.items()})


def change(scene: Scene, files: dict[str, str], *, alone: bool = False) -> None:
    """A commit of the pull request that changes these files; `alone`: and nothing else."""
    if alone:
        git(scene.checkout, "branch", "-f", "feature", "main")
    scene.head = scene.pull["head"]["sha"] = scene.run["head_sha"] = scene.push(files, "Change")


def status(scene: Scene, context: str, sha: str | None = None) -> tuple[str, str] | None:
    """State and description of a status of the commit (default: the measured head)."""
    statuses: list[dict[str, Any]] = scene.github.state["statuses"]
    of_commit = [data for data in statuses if (data["sha"], data["context"]) == (sha or scene.head, context)]
    return (of_commit[-1]["state"], of_commit[-1]["description"]) if of_commit else None


def both(scene: Scene, sha: str | None = None) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    return status(scene, "gate", sha), status(scene, "gate/churn", sha)


def answer(pipeline: Pipeline, exit_status: int = 0) -> str:
    code, printed = pipeline("answer", "--run", str(RUN))
    assert code == exit_status, printed
    return printed


def record(pipeline: Pipeline) -> str:
    """Run the job `record` with the outputs of `answer`; what it prints."""
    lines = Path(os.environ["GITHUB_OUTPUT"]).read_text().splitlines()
    outputs = {name: value for name, _, value in (line.partition("=") for line in lines)}
    assert outputs["record"] == "true"
    pipeline.monkeypatch.setenv("GATE_STATUSES", outputs["statuses"])
    code, printed = pipeline("record", "--run", outputs["run"])
    assert code == 0, printed
    return printed


def recorded(scene: Scene) -> list[str]:
    """The files that the bot's commit changes."""
    commits = scene.github.state["commits"]
    before, after = commits[scene.head]["tree"], commits[scene.pull["head"]["sha"]]["tree"]
    return sorted(path for path, blob in after.items() if before.get(path) != blob)


def pipelines_of_comments(scene: Scene) -> list[bool]:
    """Of each comment, whether it is churn's: by its marker, and by its heading for people."""
    lines = [comment["body"].split("\n")[:2] for comment in scene.comments()]
    assert all(("pipeline=churn " in marker) == ("### <code>churn</code> " in heading) for marker, heading in lines)
    return ["pipeline=churn " in marker for marker, _ in lines]


def test_a_pull_request_that_touches_the_one_at_the_top(scene: Scene, pipeline: Pipeline) -> None:
    answer(pipeline)
    assert both(scene) == (RECORDING, NOT_TOUCHED)
    assert pipelines_of_comments(scene) == [False]
    record(pipeline)
    assert recorded(scene) == RECORDED
    assert both(scene) == both(scene, scene.pull["head"]["sha"]) == (PASS, NOT_TOUCHED)


def test_a_pull_request_that_touches_the_one_in_a_folder(scene: Scene, pipeline: Pipeline) -> None:
    change(scene, {"churn/data/source.json": "{}"}, alone=True)
    measure(scene)
    answer(pipeline)
    assert both(scene) == (NOT_TOUCHED, RECORDING)
    assert pipelines_of_comments(scene) == [True]
    record(pipeline)
    assert recorded(scene) == [f"churn/{path}" for path in RECORDED]
    assert both(scene) == both(scene, scene.pull["head"]["sha"]) == (NOT_TOUCHED, PASS)


def test_a_pull_request_that_touches_both_gets_two_comments_and_one_commit(scene: Scene, pipeline: Pipeline) -> None:
    change(scene, {"churn/data/source.json": "{}"})
    measure(scene)
    answer(pipeline)
    assert both(scene) == (RECORDING, RECORDING)
    assert pipelines_of_comments(scene) == [False, True]
    record(pipeline)
    assert recorded(scene) == [*(f"churn/{path}" for path in RECORDED), *RECORDED]
    top = scene.pull["head"]["sha"]
    assert both(scene) == both(scene, top) == (PASS, PASS)
    assert pipeline("answer", "--pull-request", "7")[0] == 0  # by the commit that records both
    assert both(scene, top) == (PASS, PASS)
    assert pipelines_of_comments(scene) == [False, True]


@pytest.mark.parametrize("path", ["src/pipeline/models/training.py", ".github/workflows/train.yaml", "dvc.yaml"])
def test_a_change_of_the_engine_touches_both_and_needs_a_person(path: str, scene: Scene, pipeline: Pipeline) -> None:
    change(scene, {path: "# changed\n"}, alone=True)
    measure(scene)
    answer(pipeline)
    assert both(scene) == (("failure", f"needs a person: it changes what judges ({path})"),) * 2


def test_the_parameters_of_one_do_not_judge_the_other(scene: Scene, pipeline: Pipeline) -> None:
    lowered = (scene.checkout / "churn/params.yaml").read_text().replace("score: 0.005", "score: 0.5")
    change(scene, {"churn/params.yaml": lowered})
    measure(scene, files={"dvc.lock": MEASURED_LOCK, "metrics.json": METRICS, "params.yaml": lowered})
    answer(pipeline)
    failed = ("failure", "needs a person: it changes what judges (gate.tolerance.score)")
    assert both(scene) == (RECORDING, failed)


def test_a_measurement_that_is_missing_stops_the_other_neither_in_its_answer_nor_in_its_record(
    scene: Scene, pipeline: Pipeline
) -> None:
    change(scene, {"churn/data/source.json": "{}"})
    scene.measure()
    answer(pipeline)
    state, description = status(scene, "gate/churn") or ("", "")
    assert (state, description[:24]) == ("error", "no usable measurement: /")
    record(pipeline)
    assert recorded(scene) == RECORDED
    top = scene.pull["head"]["sha"]
    assert status(scene, "gate", top) == PASS
    assert (status(scene, "gate/churn", top) or ("",))[0] == "error"


def test_a_commit_that_imitates_the_record_of_the_other_gets_no_status(scene: Scene, pipeline: Pipeline) -> None:
    answer(pipeline)
    forged = {"churn/dvc.lock": "schema: '2.0'\nstages: {evil: {}}\n"}
    top = scene.push(forged, f"Record\n\nMeasured-Commit: {scene.head}")
    assert "other files than were measured" in record(pipeline)
    assert both(scene, top) == (None, None)


def test_what_is_measured_is_announced_for_the_one_that_is_touched(scene: Scene, pipeline: Pipeline) -> None:
    scene.run.update(status="in_progress", conclusion=None)
    change(scene, {"churn/data/source.json": "{}"}, alone=True)
    code, printed = pipeline("announce", "--run", str(RUN), "--wait", "0")
    assert code == 0, printed
    assert pipelines_of_comments(scene) == [True]
    assert both(scene) == (None, ("pending", "being measured"))


def test_an_override_is_of_the_whole_pull_request(scene: Scene, pipeline: Pipeline) -> None:
    change(scene, {"dvc.yaml": "# changed\n"}, alone=True)
    measure(scene, outcome="failed")
    scene.overrule()
    answer(pipeline)
    states = [state for state, _ in filter(None, both(scene))]
    assert states == ["pending", "success"]  # the one at the top is recorded first


def test_the_author_of_a_fork_records_in_the_folder(scene: Scene, pipeline: Pipeline) -> None:
    change(scene, {"churn/data/source.json": "{}"}, alone=True)
    scene.run["head_repository"] = scene.pull["head"]["repo"] = "ann/credit"
    measure(scene)
    answer(pipeline)
    (comment,) = scene.comments()
    assert f"\ncp /tmp/measurement-{RUN}/churn/dvc.lock churn/dvc.lock\n" in comment["body"]
    assert "\nmake PIPELINE=churn run\n" in comment["body"]


def test_without_a_pipeline_at_the_top_a_change_of_the_documentation_touches_none(
    scene: Scene, pipeline: Pipeline
) -> None:
    for name in ("params.yaml", "dvc.lock"):
        git(scene.checkout, "rm", "-q", name)
    shutil.rmtree(scene.checkout / "reports")
    change(scene, {"docs/more.md": "more\n"}, alone=True)
    git(scene.checkout, "rm", "-q", "--cached", "params.yaml")
    answer(pipeline)
    assert both(scene) == (None, NOT_TOUCHED)
    assert not scene.comments()


def merge_main(pipeline: Pipeline) -> str:
    code, printed = pipeline("merge-main", "--wait", "0")
    assert code == 0, printed
    return printed


def test_a_conflict_in_what_the_one_in_a_folder_makes_is_merged_and_both_are_measured(
    scene: Scene, pipeline: Pipeline
) -> None:
    scene.diverge({"churn/dvc.lock": MAINS_LOCK}, {"churn/dvc.lock": MEASURED_LOCK})
    assert "main was merged" in merge_main(pipeline)
    assert both(scene, scene.pull["head"]["sha"]) == (("pending", "main was merged; being measured"),) * 2


def test_a_conflict_that_a_person_must_solve_fails_both_and_is_over_for_both(scene: Scene, pipeline: Pipeline) -> None:
    theirs = {"churn/dvc.lock": MEASURED_LOCK, "churn/params.yaml": "theirs: 1\n"}
    parameters = (scene.checkout / "churn/params.yaml").read_text()
    scene.diverge({"churn/dvc.lock": MAINS_LOCK, "churn/params.yaml": parameters + "\n"}, theirs)
    merge_main(pipeline)
    assert both(scene) == (("failure", "conflicts with main: in churn/params.yaml"),) * 2
    (text,) = [data["body"] for data in scene.github.state["comments"] if "pipeline-conflict" in data["body"]]
    assert "\ngit checkout --theirs churn/dvc.lock  # main" in text

    git(scene.checkout, "reset", "-q", "--hard", "main~1")
    merge_main(pipeline)
    merge_main(pipeline)  # GitHub has found out by now that there is none
    assert [status[0] for status in filter(None, both(scene))] == ["error", "error"]
