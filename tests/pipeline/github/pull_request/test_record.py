"""What was measured is committed to the branch: once, and never over other people's commits."""

import json

import pytest

from tests.pipeline.github.conftest import LOCK, RUN, Pipeline, Scene

pytestmark = pytest.mark.engine


def record(pipeline: Pipeline) -> str:
    code, printed = pipeline("record", "--run", str(RUN))
    assert code == 0, printed
    return printed


def test_lock_and_metrics_are_committed_on_the_measured_head(scene: Scene, pipeline: Pipeline) -> None:
    record(pipeline)
    top = scene.github.state["refs"]["heads/feature"]
    commit, before = scene.github.state["commits"][top], scene.github.state["commits"][scene.head]
    assert commit["message"] == f"Record what was measured\n\nMeasured-Commit: {scene.head}"
    assert commit["parents"] == [scene.head]
    changed = {path for path, blob in commit["tree"].items() if before["tree"].get(path) != blob}
    assert changed == {"dvc.lock", "reports/metrics.json"}
    assert scene.pull["head"]["sha"] == top


def test_the_tests_of_the_new_commit_are_started(scene: Scene, pipeline: Pipeline) -> None:
    record(pipeline)
    assert scene.github.state["dispatches"] == [{"workflow": "test.yaml", "ref": "feature", "inputs": {}}]


def test_the_fingerprint_of_the_data_is_recorded_too(scene: Scene, pipeline: Pipeline) -> None:
    scene.measure({"source.json": "{}"})
    record(pipeline)
    assert "data/source.json" in scene.github.state["commits"][scene.pull["head"]["sha"]]["tree"]


def test_files_that_the_branch_has_already_are_not_committed_again(scene: Scene, pipeline: Pipeline) -> None:
    scene.measure({"dvc.lock": LOCK, "metrics.json": '{"roc_auc": 0.7}\n'})
    assert "nothing to record" in record(pipeline)
    assert not scene.github.calls("POST", "git/commits")


def test_recording_twice_records_once(scene: Scene, pipeline: Pipeline) -> None:
    record(pipeline)
    top = scene.pull["head"]["sha"]
    assert "records this measurement already" in record(pipeline)
    assert scene.pull["head"]["sha"] == top
    assert len(scene.github.state["dispatches"]) == 1


def test_a_branch_that_moved_before_is_left_alone(scene: Scene, pipeline: Pipeline) -> None:
    scene.push({"src/features.py": "more = 2\n"}, "Again")
    assert "outdated" in record(pipeline)
    assert not scene.github.calls("POST")


@pytest.mark.parametrize("answer", ["Update is not a fast forward", "Reference does not exist"])
def test_a_branch_that_moves_meanwhile_loses_nothing(scene: Scene, pipeline: Pipeline, answer: str) -> None:
    scene.github.misbehave("PATCH", "git/refs", status=422, body={"message": answer})
    assert "outdated, nothing recorded" in record(pipeline)
    assert not scene.github.state["dispatches"]
    assert scene.github.calls("PATCH", "git/refs")[0]["body"]["force"] is False


def test_a_branch_that_was_reset_does_not_get_the_dropped_commit(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["refs"]["heads/feature"] = scene.base
    assert "outdated" in record(pipeline)
    assert not scene.github.calls("PATCH", "git/refs")


def test_on_a_fork_nothing_is_recorded(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["head_repository"] = scene.pull["head"]["repo"] = "ann/credit"
    assert len(record(pipeline).splitlines()) == 1
    assert not scene.github.calls("POST")


@pytest.mark.parametrize("outcome", ["failed", "unchanged"])
def test_only_a_measurement_is_recorded(scene: Scene, pipeline: Pipeline, outcome: str) -> None:
    scene.measure(outcome=outcome)
    assert "nothing to record" in record(pipeline)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dvc.lock", "just text"),
        ("dvc.lock", "schema: '2.0'\nstages: {}\nhooks: {}\n"),
        ("dvc.lock", "a: &a [*a, {"),
        ("dvc.lock", "[" * 50_000),
        ("dvc.lock", f"schema: '2.0'\nstages: {'- ' * 50_000}x"),
        ("dvc.lock", "schema: '2.0'\nstages: {a: &a {b: 1}, c: *a}\n"),
        ("dvc.lock", "schema: '2.0'\nschema: '2.0'\nstages: {a: 1}\n"),
        ("dvc.lock", "schema: '2.0'\nstages: [a]\n"),
        ("metrics.json", "{"),
        ("source.json", "[" * 100_000),
    ],
)
def test_a_malformed_file_is_not_recorded(scene: Scene, pipeline: Pipeline, name: str, content: str) -> None:
    scene.measure({name: content})
    code, printed = pipeline("record", "--run", str(RUN))
    assert code == 2
    assert "nothing recorded" in printed
    assert not scene.github.calls("POST")


def test_a_lock_that_is_too_large_is_not_recorded(scene: Scene, pipeline: Pipeline) -> None:
    scene.measure({"dvc.lock": LOCK + "#" * 1_000_000})
    assert pipeline("record", "--run", str(RUN))[0] == 2
    assert not scene.github.calls("POST")


def test_without_the_permission_to_push_it_is_named(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.misbehave("POST", "git/trees", status=403, times=None)
    code, printed = pipeline("record", "--run", str(RUN))
    assert code == 2
    assert "give the job `contents: write`" in printed


def test_only_files_of_a_measurement_reach_the_branch(scene: Scene, pipeline: Pipeline) -> None:
    (scene.measurement / "train.yaml").write_text("on: push")
    record(pipeline)
    entries = scene.github.calls("POST", "git/trees")[0]["body"]["tree"]
    assert {entry["path"] for entry in entries} == {"dvc.lock", "reports/metrics.json"}
    assert {entry["mode"] for entry in entries} == {"100644"}
    assert json.dumps(entries).count("train.yaml") == 0
