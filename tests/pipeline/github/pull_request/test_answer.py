"""The answer to a pull request: judged by main's code, in one comment and a status."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core import params
from pipeline.core.yaml import load_yaml
from pipeline.github.client import cml
from pipeline.github.drift_issue import issues
from pipeline.github.drift_issue.state import State
from pipeline.review.gate import measurement_verdict as pull_request_gate
from pipeline.review.gate.verdict import Rule, Subject, Verdict
from tests.pipeline.conftest import FROZEN
from tests.pipeline.github.conftest import BOT, JUDGE, NUMBER, RUN, Pipeline, Scene, commit

pytestmark = pytest.mark.engine


def answer(pipeline: Pipeline) -> str:
    code, printed = pipeline("answer", "--run", str(RUN))
    assert code == 0, printed
    return printed


def outputs() -> dict[str, str]:
    """The step's outputs, for the next job."""
    lines = Path(os.environ["GITHUB_OUTPUT"]).read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def final_status() -> tuple[str, str]:
    """The status that the head gets once what was measured is recorded."""
    status = json.loads(outputs()["statuses"])["gate"]
    return status["state"], status["description"]


def test_a_measured_pull_request_gets_one_comment_and_a_status_that_links_to_it(
    scene: Scene, pipeline: Pipeline
) -> None:
    answer(pipeline)
    (comment,) = scene.comments()
    assert comment["body"].startswith(f"<!-- pipeline-report run={RUN} attempt=1 head={scene.head} state=final -->\n")
    assert scene.status() == ("pending", "recording what was measured")
    assert scene.github.state["statuses"][0]["target_url"].endswith(f"/pull/{NUMBER}#issuecomment-{comment['id']}")
    shown = comment["body"].partition("\n")[2].partition(cml.HIDDEN)[0]
    assert shown in Path(os.environ["GITHUB_STEP_SUMMARY"]).read_text()


def test_a_measurement_that_differs_from_the_head_is_to_be_recorded(scene: Scene, pipeline: Pipeline) -> None:
    answer(pipeline)
    assert (outputs()["run"], outputs()["record"]) == (str(RUN), "true")


def test_a_measurement_that_the_head_has_already_is_not_to_be_recorded(scene: Scene, pipeline: Pipeline) -> None:
    files = {"dvc.lock": "dvc.lock", "metrics.json": "reports/metrics.json"}
    scene.measure({name: (scene.checkout / path).read_text() for name, path in files.items()})
    answer(pipeline)
    assert (outputs()["run"], outputs()["record"]) == (str(RUN), "false")


def test_the_latest_run_of_a_pull_request_is_found(scene: Scene, pipeline: Pipeline) -> None:
    assert pipeline("answer", "--pull-request", str(NUMBER))[0] == 0
    assert f"run={RUN} " in scene.comments()[0]["body"]


def test_an_outdated_run_posts_nothing(scene: Scene, pipeline: Pipeline) -> None:
    scene.push({"src/project/features.py": "more = 2\n"}, "Again")
    printed = answer(pipeline)
    assert "outdated" in printed
    assert not scene.comments()
    assert scene.status() is None


def test_a_run_that_waits_for_approval_is_not_answered(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["conclusion"] = "action_required"
    assert "waits for a person's approval" in answer(pipeline)
    assert not scene.comments()
    assert scene.status() is None


def test_a_number_that_is_none_is_refused_in_one_line_and_a_blank_one_counts_as_not_given(pipeline: Pipeline) -> None:
    """They are what a person writes into the form of a dispatch."""
    code, printed = pipeline("answer", "--run", "", "--pull-request", "the last one")
    assert code == 2
    expected = "error: Invalid value for '--pull-request': 'the last one' is not a number on GitHub, such as 7"
    assert printed == f"{expected} (see `pipeline answer --help`)\n"
    assert pipeline("answer", "--run", " ", "--pull-request", "")[1].startswith("error: give either --run or --pull")


def test_a_number_may_be_written_as_people_write_it(scene: Scene, pipeline: Pipeline) -> None:
    assert pipeline("answer", "--pull-request", f"#{NUMBER}", "--run", "")[0] == 0
    assert len(scene.comments()) == 1


def test_a_newer_answer_is_left_alone(scene: Scene, pipeline: Pipeline) -> None:
    answer(pipeline)
    scene.comments()[0]["body"] = newer = scene.comments()[0]["body"].replace("run=50", "run=51")
    assert "run 51 has answered already" in answer(pipeline)
    assert scene.comments()[0]["body"] == newer
    assert len(scene.github.state["statuses"]) == 1


def test_a_run_of_another_workflow_is_refused(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["path"] = ".github/workflows/evil.yaml"
    code, printed = pipeline("answer", "--run", str(RUN))
    assert code == 2
    assert "not of .github/workflows/train.yaml" in printed


def test_a_pull_request_from_a_fork_is_answered_and_its_author_has_to_record(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["head_repository"] = scene.pull["head"]["repo"] = "ann/credit"
    answer(pipeline)
    assert len(scene.comments()) == 1
    assert (outputs()["run"], outputs()["record"]) == (str(RUN), "false")


def test_a_branch_of_the_same_name_in_another_fork_is_not_answered(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["head_repository"] = "eve/credit"
    assert "outdated" in answer(pipeline)
    assert not scene.comments()


def test_a_run_whose_fork_is_gone_posts_nothing(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["head_repository"] = scene.pull["head"]["repo"] = None
    assert "was deleted" in answer(pipeline)


def test_a_failing_verdict_is_the_status_with_the_rule_that_decided(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = (
        Rule("data_contract", "pass", "kept"),
        Rule("floor", "fail", f"0.61,\nbelow its floor {'x' * 200}", subject=Subject("roc_auc")),
    )
    monkeypatch.setattr(pull_request_gate, "judge", lambda *_: Verdict("fail", 0, 0, "", rules))
    answer(pipeline)
    status = scene.status()
    assert status is not None
    assert status[0] == "failure"
    assert status[1].startswith("fail: Floor of ROC AUC: 0.61, below its floor xxx")
    assert len(status[1]) == 140


def test_a_change_of_what_judges_is_a_failure_until_a_person_accepts_it(scene: Scene, pipeline: Pipeline) -> None:
    scene.pull["head"]["sha"] = scene.run["head_sha"] = scene.head = scene.push({"dvc.yaml": "stages: {}\n"}, "Change")
    scene.measure()
    answer(pipeline)
    assert final_status() == ("failure", "needs a person: it changes what judges (dvc.yaml)")
    assert "Needs a person: it changes what judges" in scene.comments()[0]["body"]


def test_a_bound_that_is_lowered_in_params_is_named(scene: Scene, pipeline: Pipeline) -> None:
    lowered = (FROZEN / "params.yaml").read_text().replace("score: 0.005", "score: 0.5")
    scene.pull["head"]["sha"] = scene.run["head_sha"] = scene.head = scene.push({"params.yaml": lowered}, "Change")
    scene.measure({"params.yaml": lowered})
    answer(pipeline)
    assert final_status() == ("failure", "needs a person: it changes what judges (gate.tolerance.score)")


def test_a_parameter_that_only_main_changed_does_not_count(scene: Scene, pipeline: Pipeline) -> None:
    changed = (FROZEN / "params.yaml").read_text().replace("num_leaves: 31", "num_leaves: 15")
    scene.head = scene.pull["head"]["sha"] = scene.run["head_sha"] = scene.push({"params.yaml": changed}, "Change")
    main = scene.checkout / "params.yaml"
    main.write_text(main.read_text().replace("score: 0.005", "score: 0.004"))
    scene.measure({"params.yaml": changed})
    answer(pipeline)
    assert "changes what judges" not in str(final_status())


def test_params_that_are_not_those_of_the_head_are_named_as_a_whole(scene: Scene, pipeline: Pipeline) -> None:
    main = (FROZEN / "params.yaml").read_text()
    lowered = main.replace("score: 0.005", "score: 0.5")
    scene.pull["head"]["sha"] = scene.run["head_sha"] = scene.head = scene.push({"params.yaml": lowered}, "Change")
    scene.measure({"params.yaml": main})
    answer(pipeline)
    assert final_status() == ("failure", "needs a person: it changes what judges (params.yaml)")


def test_other_parameters_do_not_judge(scene: Scene, pipeline: Pipeline) -> None:
    changed = (FROZEN / "params.yaml").read_text().replace("num_leaves: 31", "num_leaves: 15")
    scene.pull["head"]["sha"] = scene.run["head_sha"] = scene.head = scene.push({"params.yaml": changed}, "Change")
    scene.measure({"params.yaml": changed})
    answer(pipeline)
    assert final_status() == ("success", "pass")


@pytest.mark.parametrize(
    ("section", "changed"),
    [
        ("gate", {"tolerance": 0.9}),
        ("gate", {"floors": {}}),
        ("gate", {"fairness": None}),
        ("gate", {"slices": None}),
        ("evaluate", {"slices": []}),
        ("evaluate", {"sensitive": []}),
    ],
)
def test_bounds_and_groups_that_the_pull_request_removes_are_still_judged_by_mains(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, section: str, changed: dict[str, Any]
) -> None:
    arguments: list[Any] = []

    def judge(bundle: Any, gate: Any, evaluate: Any, judges_changed: list[str], spread: Any = None) -> Verdict:
        arguments[:] = gate, evaluate, judges_changed
        return Verdict("pass", 0, 0, "", (Rule("champion", "pass", "fine"),))

    monkeypatch.setattr(pull_request_gate, "judge", judge)
    main = params.read()
    content = load_yaml(Path("params.yaml"), "params.yaml")
    content[section] |= changed
    text = json.dumps(content)
    scene.head = scene.run["head_sha"] = scene.push({"params.yaml": text}, "Judge otherwise")
    scene.measure({"params.yaml": text})
    answer(pipeline)
    assert arguments[:2] == [main.gate, main.evaluate]
    (key,) = changed
    assert {".".join(name.split(".")[:2]) for name in arguments[2]} == {f"{section}.{key}"}


def test_more_files_than_github_lists_count_as_a_change_of_what_judges(scene: Scene, pipeline: Pipeline) -> None:
    many = {f"docs/{index}.md": str(index) for index in range(300)}
    scene.run["head_sha"] = scene.head = scene.push(many, "Many")
    scene.measure()
    answer(pipeline)
    assert "more than 300 files" in final_status()[1]


def test_an_override_is_honoured_for_the_commit_that_it_was_given_for(scene: Scene, pipeline: Pipeline) -> None:
    scene.overrule()
    answer(pipeline)
    assert scene.status() == ("pending", "overruled by maintainer: the data are new (recording what was measured)")
    body = scene.comments()[0]["body"]
    assert "maintainer" in body
    assert f"2026-01-02 10:30 UTC, for <code>{scene.head[:7]}</code>: the data are new" in body


def test_a_status_that_somebody_set_is_no_override(scene: Scene, pipeline: Pipeline) -> None:
    scene.pull["labels"] = ["gate: override"]
    for description in ("overruled by @maintainer", "overruled by maintainer: they said so"):
        status = {"sha": scene.head, "state": "success", "context": "gate", "description": description}
        scene.github.state["statuses"].append(status)
        answer(pipeline)
        assert scene.status() == ("pending", "recording what was measured")
        assert "does not count" in scene.comments()[0]["body"]


def test_an_override_that_somebody_else_wrote_is_none(scene: Scene, pipeline: Pipeline) -> None:
    scene.overrule()
    scene.github.state["comments"][-1]["user"] = {"login": "mallory", "type": "User"}
    answer(pipeline)
    assert scene.status() == ("pending", "recording what was measured")


def test_an_override_that_is_quoted_in_our_own_comment_is_none(scene: Scene, pipeline: Pipeline) -> None:
    scene.overrule()
    forged = scene.github.state["comments"][-1]
    forged["body"] = f"A report\n\n{forged['body']}"
    answer(pipeline)
    assert scene.status() == ("pending", "recording what was measured")


def test_an_override_of_the_measured_commit_holds_for_the_one_that_records_it(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = (Rule("floor", "fail", "bad", subject=Subject("roc_auc")),)
    monkeypatch.setattr(pull_request_gate, "judge", lambda *_: Verdict("fail", 0, 0, "", rules))
    scene.overrule()
    lock = (scene.measurement / "dvc.lock").read_text()
    top = scene.push({"dvc.lock": lock}, f"Record\n\nMeasured-Commit: {scene.head}")
    assert pipeline("answer", "--pull-request", str(NUMBER))[0] == 0
    assert scene.status(top) == ("success", "overruled by maintainer: the data are new (fail: Floor of ROC AUC: bad)")


def test_a_commit_that_imitates_that_record_is_not_overruled_where_there_is_no_artifact_to_compare(
    scene: Scene, pipeline: Pipeline
) -> None:
    scene.overrule()
    forged = "schema: '2.0'\nstages: {evil: {}}\n"
    top = scene.push({"dvc.lock": forged}, f"Record\n\nMeasured-Commit: {scene.head}")
    scene.github.state["artifacts"] = []
    answer(pipeline)
    assert scene.status(top) == ("error", "no usable measurement: the run left no artifact `measurement`")


def test_an_override_of_an_earlier_commit_overrules_nothing(scene: Scene, pipeline: Pipeline) -> None:
    scene.overrule(scene.base)
    answer(pipeline)
    assert scene.status() == ("pending", "recording what was measured")


def test_an_override_ends_when_the_label_is_removed(scene: Scene, pipeline: Pipeline) -> None:
    scene.overrule()
    scene.pull["labels"] = []
    answer(pipeline)
    assert scene.status() == ("pending", "recording what was measured")


def test_the_open_drift_issue_is_named_with_its_title_escaped(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_LOG_URL", "s3://bucket/log")
    issue = {"number": 3, "title": "Drift of `a|b` @everyone", "labels": ["monitor", "drift"], "user": BOT}
    scene.github.state["issues"] = [issue | {"body": issues.render("drift", State(), "")}]
    scene.github.state["workflows"] = {"monitor.yaml": {"created_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}}
    answer(pipeline)
    body = scene.comments()[0]["body"]
    assert "#3 is open" in body
    assert "@everyone" not in body
    assert "monitor is off" not in body


def test_production_that_is_not_watched_is_not_reported_as_without_drift(scene: Scene, pipeline: Pipeline) -> None:
    answer(pipeline)
    body = scene.comments()[0]["body"]
    assert "not watched: the repository variable" in body
    assert "no open drift issue" not in body


def test_a_monitor_that_github_switched_off_is_reported_before_the_details(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_LOG_URL", "s3://bucket/log")
    scene.github.state["workflows"] = {"monitor.yaml": {"state": "disabled_inactivity"}}
    answer(pipeline)
    first = scene.comments()[0]["body"].partition("<details")[0]
    assert "the monitor is off: GitHub has switched it off, after 60 days without activity in this public" in first


def test_a_run_without_an_artifact_is_answered_as_not_measured(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["artifacts"] = []
    answer(pipeline)
    assert "Not measured" in scene.comments()[0]["body"]
    assert scene.status() == ("error", "no usable measurement: the run left no artifact `measurement`")


def test_an_artifact_of_another_commit_is_not_judged(scene: Scene, pipeline: Pipeline) -> None:
    scene.measure(head=scene.base)
    answer(pipeline)
    status = scene.status()
    assert status is not None
    assert status[0] == "error"
    assert "another commit" in status[1]


def test_an_artifact_of_an_earlier_attempt_is_not_judged_where_the_run_failed(scene: Scene, pipeline: Pipeline) -> None:
    scene.run.update(conclusion="failure", run_attempt=2, run_started_at="2026-02-01T00:00:00Z")
    answer(pipeline)
    status = scene.status()
    assert status is not None
    assert "earlier attempt" in status[1]


def test_a_failed_stage_is_the_status(scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull_request_gate, "judge", JUDGE)
    scene.run["conclusion"] = "failure"
    scene.measure(outcome="failed", failure={"stage": "validate", "lines": ["error: column age: is missing"]})
    answer(pipeline)
    status = scene.status()
    assert status is not None
    assert status[0] == "failure"
    assert "stage validate failed" in status[1]
    assert "column age: is missing" in scene.comments()[0]["body"]
    assert outputs()["record"] == "false"


def test_a_change_of_documentation_passes_and_records_nothing(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_request_gate, "judge", JUDGE)
    scene.measure(outcome="unchanged")
    answer(pipeline)
    assert scene.status() == ("success", "pass")
    assert outputs()["record"] == "false"


def test_untrusted_text_in_a_traceback_is_no_workflow_command(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_: object) -> Verdict:
        raise ValueError("x\n::stop-commands::x")

    monkeypatch.setattr(pull_request_gate, "judge", judge)
    assert not [line for line in answer(pipeline).splitlines() if line.startswith("::")]


def test_a_later_run_that_was_cancelled_does_not_hide_the_one_that_measured(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["runs"].append(scene.run | {"id": RUN + 1, "conclusion": "cancelled"})
    assert pipeline("answer", "--pull-request", str(NUMBER))[0] == 0
    assert f"run={RUN} " in scene.comments()[0]["body"]


def test_a_crash_while_judging_is_answered_as_not_measured(
    scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_request_gate, "judge", lambda *_: [][1])
    answer(pipeline)
    assert scene.status() == ("error", "no usable measurement: the measurement can't be read (IndexError)")


def test_a_measurement_older_than_main_says_so(scene: Scene, pipeline: Pipeline) -> None:
    commit(scene.checkout, {"README.md": "x"}, "main moves on")
    answer(pipeline)
    assert "main has moved on" in scene.comments()[0]["body"]


def test_a_commit_that_imitates_the_bots_record_is_not_answered(scene: Scene, pipeline: Pipeline) -> None:
    scene.push({"dvc.lock": "schema: '2.0'\nstages: {evil: {}}\n"}, f"Record\n\nMeasured-Commit: {scene.head}")
    assert "other files than were measured" in answer(pipeline)
    assert not scene.comments()


def test_a_commit_with_code_is_no_record_whatever_its_message(scene: Scene, pipeline: Pipeline) -> None:
    scene.push({"src/project/features.py": "evil = 1\n"}, f"Record\n\nMeasured-Commit: {scene.head}")
    assert "outdated" in answer(pipeline)


def test_the_record_of_the_bot_is_answered_by_the_run_that_measured(scene: Scene, pipeline: Pipeline) -> None:
    lock = (scene.measurement / "dvc.lock").read_text()
    top = scene.push({"dvc.lock": lock}, f"Record\n\nMeasured-Commit: {scene.head}")
    assert pipeline("answer", "--pull-request", str(NUMBER))[0] == 0
    assert scene.status(top) == ("success", "pass")
    assert (outputs()["run"], outputs()["record"]) == (str(RUN), "false")


def test_without_the_permission_to_comment_the_status_is_set_and_the_job_names_the_permission(
    scene: Scene, pipeline: Pipeline
) -> None:
    accepted = {"x-accepted-github-permissions": "issues=write; pull_requests=write"}
    refusal = {"message": "Resource not accessible by integration"}
    scene.github.misbehave("POST", "comments", status=403, times=None, headers=accepted, body=refusal)
    code, printed = pipeline("answer", "--run", str(RUN))
    assert code == 2
    assert "give the job `pull-requests: write`" in printed
    assert len(printed.strip().splitlines()) <= 2  # CML's line and ours
    assert scene.status() == ("pending", "recording what was measured")
    assert scene.github.state["statuses"][0]["target_url"].endswith(f"/actions/runs/{RUN}")
    assert Path(os.environ["GITHUB_STEP_SUMMARY"]).read_text()


def test_without_the_permission_to_set_a_status_the_comment_is_posted_and_the_permission_named(
    scene: Scene, pipeline: Pipeline
) -> None:
    scene.github.misbehave(
        "POST", "statuses", status=403, times=None, headers={"x-accepted-github-permissions": "statuses=write"}
    )
    code, printed = pipeline("answer", "--run", str(RUN))
    assert code == 2
    assert "give the job `statuses: write`" in printed
    assert len(scene.comments()) == 1


def test_without_the_permission_to_read_artifacts_nothing_is_posted_about_the_measurement(
    scene: Scene, pipeline: Pipeline
) -> None:
    scene.github.misbehave("GET", "artifacts", status=403, times=None)
    code, printed = pipeline("answer", "--run", str(RUN))
    assert code == 2
    assert "give the job `actions: read`" in printed
    assert not scene.comments()


def test_without_gh_the_command_says_so(scene: Scene, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    code, printed = pipeline("answer", "--run", str(RUN))
    assert (code, printed.count("\n")) == (2, 1)
    assert "gh: is not on the PATH" in printed


def test_a_manifest_that_is_damaged_is_answered_as_not_measured(scene: Scene, pipeline: Pipeline) -> None:
    scene.measure({"measurement.json": json.dumps({"head": 3})})
    answer(pipeline)
    status = scene.status()
    assert status is not None
    assert status[0] == "error"


@pytest.mark.parametrize("path", ["src/project/train.py", "src/pipeline/models/training.py", "dvc.lock"])
def test_a_claim_that_nothing_had_to_run_is_rejected_where_an_input_has_changed(
    scene: Scene, pipeline: Pipeline, path: str
) -> None:
    scene.head = scene.run["head_sha"] = scene.push({path: "schema: '2.0'\nstages: {}\n"}, "Train otherwise")
    scene.measure(outcome="unchanged")
    answer(pipeline)
    assert scene.status() is not None
    assert scene.status()[0] == "error"  # type: ignore[index]
    assert f"though {path} has changed" in scene.comments()[0]["body"]


@pytest.mark.parametrize("same", [True, False])
def test_a_claim_that_nothing_had_to_run_is_rejected_where_a_parameter_has_changed(
    scene: Scene, pipeline: Pipeline, same: bool
) -> None:
    main = (FROZEN / "params.yaml").read_text()
    changed = main.replace("num_leaves: 31", "num_leaves: 15")
    scene.head = scene.run["head_sha"] = scene.push({"params.yaml": changed}, "Train otherwise")
    scene.measure({"params.yaml": changed if same else main}, outcome="unchanged")
    answer(pipeline)
    assert final_status()[0] == "error"
    assert f"though params.yaml{chr(39) + 's train' if same else ''} has changed" in final_status()[1]


@pytest.mark.parametrize("path", ["src/pipeline/models/shown.py", "src/pipeline/models_2/training.py"])
def test_files_that_mains_dvcignore_leaves_out_or_that_are_in_no_input_run_nothing(
    scene: Scene, pipeline: Pipeline, path: str
) -> None:
    scene.head = scene.run["head_sha"] = scene.push({path: "x = 1\n"}, "Show otherwise")
    scene.measure(outcome="unchanged")
    answer(pipeline)
    assert final_status() == ("failure", f"needs a person: it changes what judges ({path})")


def test_a_change_of_the_models_tests_has_something_to_run(scene: Scene, pipeline: Pipeline) -> None:
    files = {"tests/project/model/test_model.py": "def test_nothing():\n    assert False\n"}
    scene.head = scene.run["head_sha"] = scene.push(files, "Test the model")
    scene.measure(outcome="unchanged")
    answer(pipeline)
    assert final_status()[0] == "error"
    assert "though tests/project/model/test_model.py has changed" in final_status()[1]


def test_files_that_only_the_pull_requests_dvcignore_leaves_out_are_inputs(scene: Scene, pipeline: Pipeline) -> None:
    files = {".dvcignore": "/src/pipeline/models/\n", "src/pipeline/models/training.py": "x = 1\n"}
    scene.head = scene.run["head_sha"] = scene.push(files, "Hide it")
    scene.measure(outcome="unchanged")
    answer(pipeline)
    assert final_status()[0] == "error"


def test_where_main_has_no_lock_nothing_can_be_unchanged(scene: Scene, pipeline: Pipeline) -> None:
    (scene.checkout / "dvc.lock").unlink()
    scene.measure(outcome="unchanged")
    answer(pipeline)
    assert "main has no dvc.lock with stages" in final_status()[1]


def test_the_pull_requests_own_template_file_does_not_change_what_judges(scene: Scene, pipeline: Pipeline) -> None:
    greedy = (scene.checkout / ".template.yaml").read_text().replace("src/project/", "src/")
    files = {".template.yaml": greedy, "src/pipeline/review/gate/judge.py": "verdict = 'pass'\n"}
    scene.head = scene.run["head_sha"] = scene.push(files, "All is mine")
    scene.measure()
    answer(pipeline)
    changed = ".template.yaml, src/pipeline/review/gate/judge.py"
    assert final_status() == ("failure", f"needs a person: it changes what judges ({changed})")


def test_bounds_may_change_where_nothing_had_to_run(scene: Scene, pipeline: Pipeline) -> None:
    changed = (FROZEN / "params.yaml").read_text().replace("score: 0.005", "score: 0.5")
    scene.head = scene.run["head_sha"] = scene.push({"params.yaml": changed}, "Judge otherwise")
    scene.measure({"params.yaml": changed}, outcome="unchanged")
    answer(pipeline)
    assert final_status() == ("failure", "needs a person: it changes what judges (gate.tolerance.score)")


def test_more_files_than_github_lists_may_hide_what_had_to_run(scene: Scene, pipeline: Pipeline) -> None:
    many = {f"docs/{index}.md": str(index) for index in range(300)}
    scene.head = scene.run["head_sha"] = scene.push(many, "Many")
    scene.measure(outcome="unchanged")
    answer(pipeline)
    assert final_status()[0] == "error"


def test_a_run_that_starts_its_own_answer_has_time_to_end(scene: Scene, pipeline: Pipeline) -> None:
    """Its last job is still running when the answer is started."""
    scene.run["status"], scene.run["conclusion"] = "in_progress", None
    delays: list[float] = []

    def sleep(seconds: float) -> None:
        delays.append(seconds)
        scene.run.update(status="completed", conclusion="success")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "pipeline.github.pull_request.answer.time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic)
        )
        answer(pipeline)
    assert len(delays) == 1
    assert scene.comments()


def test_a_run_that_waits_for_an_approval_does_not_hide_a_measured_one(scene: Scene, pipeline: Pipeline) -> None:
    """GitHub lists it for a pull request that the workflow's own token has opened."""
    later = {"id": scene.run["id"] + 1, "head_sha": scene.head, "head_branch": "feature"}
    scene.github.state["runs"].append(later | {"status": "completed", "conclusion": "action_required"})
    code, printed = pipeline("answer", "--pull-request", "7")
    assert code == 0, printed
    assert f"run={scene.run['id']} " in scene.comments()[0]["body"]


CODE = "def ratio(income, age):\n    return income / age\n"
CODE_PATH = "src/project/features/money.py"


def test_feature_code_that_the_commit_has_is_shown_as_a_diff(scene: Scene, pipeline: Pipeline) -> None:
    scene.run["head_sha"] = scene.head = scene.push({CODE_PATH: CODE}, "Add a feature")
    scene.measure({"features.json": json.dumps({"files": {"money.py": CODE}})})
    answer(pipeline)
    assert "+    return income / age" in scene.comments()[0]["body"]


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        ({"money.py": CODE.replace("/", "*")}, "the run reports other code than the commit has"),
        ({"money.py": CODE, "more.py": ""}, "the run reports other code than the commit has"),
        ({"other.py": CODE}, "the run reports other code than the commit has"),
    ],
)
def test_feature_code_that_the_run_made_up_is_not_shown(
    scene: Scene, pipeline: Pipeline, reported: dict[str, str], reason: str
) -> None:
    scene.run["head_sha"] = scene.head = scene.push({CODE_PATH: CODE}, "Add a feature")
    scene.measure({"features.json": json.dumps({"files": reported})})
    answer(pipeline)
    body = scene.comments()[0]["body"]
    assert f"The features’ code is not shown: {reason}." in body
    assert "return income" not in body


def test_feature_code_that_the_run_leaves_out_is_noticed(scene: Scene, pipeline: Pipeline) -> None:
    files = {CODE_PATH: CODE, "src/project/features/more.py": CODE.replace("ratio", "more")}
    scene.run["head_sha"] = scene.head = scene.push(files, "Add two features")
    scene.measure({"features.json": json.dumps({"files": {"money.py": CODE}})})
    answer(pipeline)
    assert "the run does not report all code that the commit has" in scene.comments()[0]["body"]


def test_scores_that_the_lock_does_not_name_are_not_judged(scene: Scene, pipeline: Pipeline) -> None:
    lock = "schema: '2.0'\nstages:\n  evaluate:\n    outs:\n    - path: reports/scores.parquet\n      md5: " + "0" * 32
    scene.measure({"dvc.lock": lock + "\n", "scores.parquet": "other scores"})
    answer(pipeline)
    reason = "the measurement's scores.parquet is not the reports/scores.parquet that its dvc.lock names"
    assert reason in scene.comments()[0]["body"].replace("&#8203;", "").replace("\\", "")
    assert (scene.status() or ("", ""))[0] == "error"
