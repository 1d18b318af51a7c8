"""The status of a measured head: green once what was measured is on the branch, not before."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.github.client import posting
from pipeline.review.gate import measurement_verdict as pull_request_gate
from pipeline.review.gate.verdict import Rule, Subject, Verdict
from tests.pipeline.github.conftest import LOCK, NUMBER, RUN, Pipeline, Scene

pytestmark = pytest.mark.engine

RECORDING = ("pending", "recording what was measured")
FAIL = Verdict("fail", 0, 0, "", (Rule("floor", "fail", "bad", subject=Subject("roc_auc")),))


def answer(pipeline: Pipeline) -> dict[str, str]:
    """Run the job `answer`; its outputs."""
    code, printed = pipeline("answer", "--run", str(RUN))
    assert code == 0, printed
    lines = Path(os.environ["GITHUB_OUTPUT"]).read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def record(pipeline: Pipeline, outputs: dict[str, str], exit_status: int = 0) -> str:
    """Run the job `record` with these outputs of `answer`; what it prints."""
    pipeline.monkeypatch.setenv("GATE_STATUSES", outputs["statuses"])
    code, printed = pipeline("record", "--run", outputs["run"])
    assert code == exit_status, printed
    return printed


def test_a_pass_waits_for_its_record_and_is_then_the_status_of_both_commits(scene: Scene, pipeline: Pipeline) -> None:
    outputs = answer(pipeline)
    assert scene.status() == RECORDING
    status = json.loads(outputs["statuses"])["gate"]
    assert status["artifact"] == 90
    assert status["url"].endswith(f"#issuecomment-{scene.comments()[0]['id']}")
    record(pipeline, outputs)
    top = scene.pull["head"]["sha"]
    assert top != scene.head
    assert scene.status() == scene.status(top) == ("success", "pass")
    assert {data["target_url"] for data in scene.github.state["statuses"]} == {status["url"]}


def test_no_commit_is_green_before_the_branch_has_moved(scene: Scene, pipeline: Pipeline) -> None:
    record(pipeline, answer(pipeline))
    calls = scene.github.state["calls"]
    moved = next(
        index for index, call in enumerate(calls) if (call["method"], call["path"][:8]) == ("PATCH", "git/refs")
    )
    green = [index for index, call in enumerate(calls) if (call["body"] or {}).get("state") == "success"]
    assert len(green) == 2
    assert min(green) > moved


def test_a_failure_is_the_status_at_once_and_of_the_new_commit(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_request_gate, "judge", lambda *_: FAIL)
    outputs = answer(pipeline)
    assert scene.status() == ("failure", "fail: Floor of ROC AUC: bad")
    record(pipeline, outputs)
    assert scene.status() == scene.status(scene.pull["head"]["sha"]) == ("failure", "fail: Floor of ROC AUC: bad")


def test_where_there_is_nothing_to_record_after_all_the_head_gets_the_final_status(
    scene: Scene, pipeline: Pipeline
) -> None:
    outputs = answer(pipeline)
    scene.measure({"dvc.lock": LOCK, "metrics.json": '{"roc_auc": 0.7}\n'})
    record(pipeline, outputs)
    assert scene.status() == ("success", "pass")


def test_a_job_that_runs_twice_ends_in_the_same_status(scene: Scene, pipeline: Pipeline) -> None:
    outputs = answer(pipeline)
    record(pipeline, outputs)
    top = scene.pull["head"]["sha"]
    scene.github.state["statuses"].clear()
    record(pipeline, outputs)
    assert scene.status() == scene.status(top) == ("success", "pass")
    assert len(scene.github.state["dispatches"]) == 1


def test_a_head_that_imitates_the_record_gets_no_status(scene: Scene, pipeline: Pipeline) -> None:
    outputs = answer(pipeline)
    top = scene.push({"dvc.lock": "schema: '2.0'\nstages: {evil: {}}\n"}, f"x\n\nMeasured-Commit: {scene.head}")
    assert "other files than were measured" in record(pipeline, outputs)
    assert scene.status(top) is None
    assert scene.status() == RECORDING


def test_a_head_that_has_moved_gets_no_status(scene: Scene, pipeline: Pipeline) -> None:
    outputs = answer(pipeline)
    top = scene.push({"src/project/features.py": "more = 2\n"}, "Again")
    assert "outdated" in record(pipeline, outputs)
    assert scene.status(top) is None
    assert scene.status() == RECORDING


def test_what_cannot_be_recorded_does_not_stay_pending(scene: Scene, pipeline: Pipeline) -> None:
    outputs = answer(pipeline)
    scene.github.misbehave("POST", "git/trees", status=403, times=None)
    record(pipeline, outputs, 2)
    status = scene.status()
    assert status is not None
    assert status[0] == "error"
    assert status[1].startswith("not recorded: the workflow's token may not record what was measured")


def test_an_unknown_state_is_refused_before_anything_is_done(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_STATUSES", '{"gate": {"state": "green", "description": "", "url": ""}}')
    code, printed = pipeline("record", "--run", str(RUN))
    assert (code, printed.count("\n")) == (2, 1)
    assert "GATE_STATUSES: gate.state: Input should be" in printed
    assert not scene.github.state["calls"]


def test_the_measurement_that_was_judged_is_recorded(scene: Scene, pipeline: Pipeline, tmp_path: Path) -> None:
    outputs = answer(pipeline)
    other = {"id": 91, "run": RUN, "name": "measurement", "file": str(tmp_path / "nowhere.zip"), "size_in_bytes": 1}
    scene.github.state["artifacts"].append(other)
    record(pipeline, outputs)
    assert scene.pull["head"]["sha"] != scene.head


def test_without_the_artifact_that_was_judged_no_other_is_recorded(scene: Scene, pipeline: Pipeline) -> None:
    outputs = answer(pipeline)
    scene.github.state["artifacts"][0]["id"] = 91
    assert "the artifact that was judged (90) is gone" in record(pipeline, outputs, 2)
    assert not scene.github.calls("PATCH", "git/")


def test_an_override_that_is_set_while_it_is_judged_wins(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_: Any) -> Verdict:
        scene.overrule()
        return FAIL

    monkeypatch.setattr(pull_request_gate, "judge", judge)
    outputs = answer(pipeline)
    assert scene.status() == ("pending", "overruled by maintainer: the data are new (recording what was measured)")
    record(pipeline, outputs)
    final = ("success", "overruled by maintainer: the data are new (fail: Floor of ROC AUC: bad)")
    assert scene.status(scene.pull["head"]["sha"]) == final


def test_an_override_that_is_set_while_the_comment_is_posted_wins(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = posting.post

    def post_after_overrule(*arguments: Any) -> str:
        scene.overrule()
        return post(*arguments)

    monkeypatch.setattr(posting, "post", post_after_overrule)
    scene.measure({"dvc.lock": LOCK, "metrics.json": '{"roc_auc": 0.7}\n'})
    answer(pipeline)
    assert scene.status() == ("success", "overruled by maintainer: the data are new (pass)")


def test_an_override_waits_for_the_record_too_and_is_honoured_again(scene: Scene, pipeline: Pipeline) -> None:
    scene.overrule()
    answer(pipeline)
    assert pipeline("answer", "--pull-request", str(NUMBER))[0] == 0
    assert scene.status() == ("pending", "overruled by maintainer: the data are new (recording what was measured)")


def test_an_override_that_is_set_while_it_is_recorded_wins(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_request_gate, "judge", lambda *_: FAIL)
    outputs = answer(pipeline)
    scene.overrule()
    record(pipeline, outputs)
    final = ("success", "overruled by maintainer: the data are new (fail: Floor of ROC AUC: bad)")
    assert scene.status(scene.pull["head"]["sha"]) == final


def test_an_override_that_is_withdrawn_while_it_is_recorded_is_not_in_the_status(
    scene: Scene, pipeline: Pipeline
) -> None:
    scene.overrule()
    outputs = answer(pipeline)
    scene.pull["labels"] = []
    record(pipeline, outputs)
    assert scene.status(scene.pull["head"]["sha"]) == ("success", "pass")


def test_a_fork_is_pending_until_its_author_has_committed_the_lock(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["head_repository"] = scene.pull["head"]["repo"] = "ann/credit"
    outputs = answer(pipeline)
    assert scene.status() == ("pending", "commit dvc.lock as the comment says")
    assert outputs["record"] == "false"


def test_a_fork_that_has_the_lock_passes(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["head_repository"] = scene.pull["head"]["repo"] = "ann/credit"
    scene.measure({"dvc.lock": LOCK, "metrics.json": '{"roc_auc": 0.7}\n'})
    answer(pipeline)
    assert scene.status() == ("success", "pass")


def test_a_fork_that_fails_fails(scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull_request_gate, "judge", lambda *_: FAIL)
    scene.run["head_repository"] = scene.pull["head"]["repo"] = "ann/credit"
    answer(pipeline)
    assert scene.status() == ("failure", "fail: Floor of ROC AUC: bad")


def test_a_description_has_only_characters_that_github_and_a_workflow_accept(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Rule("slice", "fail", "bad\nrecord=true\u2028x", subject=Subject("f1", "town", "\N{CITYSCAPE}\x1b[0m"))
    monkeypatch.setattr(pull_request_gate, "judge", lambda *_: Verdict("fail", 0, 0, "", (rule,)))
    outputs = answer(pipeline)
    description = json.loads(outputs["statuses"])["gate"]["description"]
    assert description == "fail: Slice town=\ufffd[0m: bad record=true x"
    assert scene.status() == ("failure", description)


@pytest.mark.parametrize(("head", "base"), [("feature", "release"), ("main", "main")])
@pytest.mark.parametrize("command", ["answer", "announce", "record"])
def test_only_what_goes_from_another_branch_into_the_default_branch_is_judged(
    scene: Scene, pipeline: Pipeline, command: str, head: str, base: str
) -> None:
    scene.pull["base"], scene.pull["head"]["ref"], scene.run["head_branch"] = {"ref": base}, head, head
    scene.run["status"] = "queued" if command == "announce" else "completed"
    code, printed = pipeline(command, "--run", str(RUN))
    assert code == 0
    assert "only what goes from another branch into main is judged" in printed
    assert not scene.github.calls("POST")


def test_a_forks_branch_of_the_default_branchs_name_is_judged(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["head_repository"] = scene.pull["head"]["repo"] = "ann/credit"
    scene.pull["head"]["ref"] = scene.run["head_branch"] = "main"
    answer(pipeline)
    assert len(scene.comments()) == 1


def test_of_two_pull_requests_of_a_head_the_one_into_the_default_branch_is_judged(
    scene: Scene, pipeline: Pipeline
) -> None:
    scene.github.state["pulls"].insert(0, scene.pull | {"number": 3, "base": {"ref": "release"}})
    answer(pipeline)
    assert {comment["issue"] for comment in scene.comments()} == {NUMBER}
