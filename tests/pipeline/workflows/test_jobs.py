"""Which jobs run, where and how: the workflows with act, and a stub of `pipeline` that prints its call."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import DEFECT
from tests.pipeline.conftest import ROOT
from tests.pipeline.workflows.acting import HOSTED, OWN, Machine, WorkflowResult

pytestmark = pytest.mark.engine

SECRETS = {"AWS_ACCESS_KEY_ID": "key-of-the-bucket", "AWS_SECRET_ACCESS_KEY": "secret-of-the-bucket"}
REMOTE = {"DVC_REMOTE": "s3://bucket/cache"}
MONITOR = "monitor --html reports/monitor/drift.html"
PIPELINE = """
import os, pathlib, sys

def main():
    print("called:", *sys.argv[1:])
    if sys.argv[1] == "-C":
        del sys.argv[1:3]
    if sys.argv[1] == "each":
        del sys.argv[1]
    if sys.argv[1] == "matrix":
        with open(os.environ["GITHUB_OUTPUT"], "a") as out:
            out.write('matrix=[{"folder": "", "suffix": ""}]\\n')
    if sys.argv[1] == "measure":
        folder = pathlib.Path(".pipeline/measurement")
        folder.mkdir(parents=True)
        (folder / "measurement.json").write_text("{}")
        for name in ("models/model.txt", "models/signature.json", "reports/metrics.json", "reports/scores.parquet"):
            pathlib.Path(name).parent.mkdir(exist_ok=True)
            pathlib.Path(name).write_text("{}")
    if sys.argv[1] == "answer":
        with open(os.environ["GITHUB_OUTPUT"], "a") as out:
            out.write("record=true\\nrun=4711\\nstatuses={\\"gate\\": \\"it's $HOME\\"}\\n")
    if sys.argv[1] == "record":
        print("record gets:", os.environ["GATE_STATUSES"])
    sys.exit(pathlib.Path("exit").read_text() if pathlib.Path("exit").exists() and sys.argv[1] == "measure" else 0)
"""


def git(folder: Path, *command: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    return subprocess.run(
        ["git", *identity, *command], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A repository with our workflows and the stub of `pipeline`; `template.git` beside it is checked out."""
    folder = tmp_path / "template"
    shutil.copytree(ROOT / ".github", folder / ".github")
    shutil.copy(ROOT / "Makefile", folder / "Makefile")
    (folder / "src/pipeline").mkdir(parents=True)
    (folder / "src/project").mkdir()
    (folder / "src/pipeline/cli.py").write_text(PIPELINE, encoding="utf-8")
    for name in (
        "pyproject.toml",
        "src/project/pyproject.toml",
        ".template.yaml",
        "uv.lock",
        "src/pipeline/__init__.py",
    ):
        (folder / name).write_text("", encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "remote", "add", "origin", "https://github.com/acme/model.git")
    publish(folder)
    return folder


def publish(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "change")
    git(folder, "push", "--quiet", "--mirror", str(_bare(folder)))


def _bare(folder: Path) -> Path:
    bare = folder.with_suffix(".git")
    if not bare.exists():
        git(folder.parent, "init", "--quiet", "--bare", "--initial-branch", "main", str(bare))
        git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
    return bare


@pytest.fixture
def machine(template: Path, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine", _bare(template))


def pull_request(template: Path, source: str = "acme/model", author: str = "alice") -> dict[str, Any]:
    return {
        "action": "opened",
        "number": 7,
        "repository": {"full_name": "acme/model", "default_branch": "main"},
        "pull_request": {
            "number": 7,
            "head": {"sha": git(template, "rev-parse", "HEAD"), "ref": "change", "repo": {"full_name": source}},
            "base": {"ref": "main"},
            "user": {"login": author},
        },
    }


def run_event(action: str, conclusion: str | None) -> dict[str, Any]:
    return {
        "action": action,
        "repository": {"full_name": "acme/model", "default_branch": "main"},
        "workflow_run": {
            "id": 4711,
            "conclusion": conclusion,
            "head_branch": "change",
            "head_repository": {"full_name": "acme/model"},
        },
    }


def train(machine: Machine, template: Path, payload: Mapping[str, Any], **options: Any) -> WorkflowResult:
    options = {"variables": REMOTE, "secrets": SECRETS} | options
    return machine.act("train", options.pop("event", "pull_request"), payload, template, **options)


def calls(result: WorkflowResult) -> list[str]:
    return [line.removeprefix("called: ") for line in result.lines if line.startswith("called: ")]


def credentials(result: WorkflowResult) -> dict[str, str]:
    """The variables in the commands' environment that only trusted code may see."""
    pairs = dict(line.split("=", 1) for line in result.environment.splitlines() if "=" in line)
    names = ("DVC_REMOTE_URL", *SECRETS)
    return {name: pairs.get(name, "") for name in names}


def test_a_pull_request_of_the_repository_is_measured_on_its_own_runners(machine: Machine, template: Path) -> None:
    payload = pull_request(template)

    assert train(machine, template, payload, runners=HOSTED).jobs == {}
    assert train(machine, template, payload, runners=OWN).jobs == {"measure": "success"}


def test_a_repository_variable_names_other_runners(machine: Machine, template: Path) -> None:
    variables = {"RUNNER_LABELS": '["ubuntu-latest"]'}

    result = train(machine, template, pull_request(template), runners=HOSTED, variables=variables)

    assert result.jobs == {"measure": "success"}


UNTRUSTED: dict[str, dict[str, Any]] = {
    "fork": {"source": "mallory/model"},
    "dependabot's branch": {"author": "dependabot[bot]"},
}


@pytest.mark.parametrize("source", [*UNTRUSTED, "deleted fork", "dependabot's push"])
def test_untrusted_code_runs_on_a_hosted_runner_without_secrets_or_remote(
    source: str, machine: Machine, template: Path
) -> None:
    payload = pull_request(template, **UNTRUSTED.get(source, {}))
    if source == "deleted fork":
        payload["pull_request"]["head"]["repo"] = None
    actor = "dependabot[bot]" if source == "dependabot's push" else "mallory"
    variables = REMOTE | {"RUNNER_LABELS": '["self-hosted"]'}

    self_hosted = train(machine, template, payload, runners=OWN, actor=actor, variables=variables)
    hosted = train(machine, template, payload, runners=HOSTED, actor=actor, variables=variables)

    assert self_hosted.jobs == {}
    assert hosted.jobs == {"measure": "success"}
    assert set(credentials(hosted).values()) == {""}
    assert calls(hosted)[0] == "each measure --run --base origin/main"  # and no --push


def test_a_pull_request_is_measured_against_the_default_branch_whatever_its_name(
    machine: Machine, template: Path
) -> None:
    payload = pull_request(template)
    payload["repository"]["default_branch"] = payload["pull_request"]["base"]["ref"] = "trunk"

    assert calls(train(machine, template, payload))[0] == "each measure --run --base origin/trunk --push"


def test_a_pull_request_to_another_branch_is_not_measured(machine: Machine, template: Path) -> None:
    payload = pull_request(template)
    payload["pull_request"]["base"]["ref"] = "release-1"

    assert train(machine, template, payload).jobs == {}


ROLES = {"AWS_TRAIN_ROLE": "train", "AWS_REGION": "eu-west-1", "AWS_WATCH_ROLE": "watch", "AWS_RELEASE_ROLE": "release"}


def test_a_session_of_the_role_for_training_takes_the_place_of_the_key(machine: Machine, template: Path) -> None:
    result = train(machine, template, pull_request(template), variables=REMOTE | ROLES)

    assert credentials(result)["AWS_ACCESS_KEY_ID"] == "session-of-train"
    assert "AWS_SESSION_TOKEN=short-lived" in result.environment


@pytest.mark.parametrize("source", UNTRUSTED)
def test_untrusted_code_gets_no_session_of_a_role(source: str, machine: Machine, template: Path) -> None:
    payload = pull_request(template, **UNTRUSTED[source])

    result = train(machine, template, payload, runners=HOSTED, variables=REMOTE | ROLES)

    assert set(credentials(result).values()) == {""}
    assert "short-lived" not in result.environment


def test_the_monitor_reads_by_the_role_that_watches(machine: Machine, template: Path) -> None:
    result = watch(machine, template, PIPELINE_LOG_URL="s3://bucket/log", **ROLES)

    assert credentials(result)["AWS_ACCESS_KEY_ID"] == "session-of-watch"


def test_trusted_code_gets_the_remote_and_its_secrets(machine: Machine, template: Path) -> None:
    result = train(machine, template, pull_request(template))

    assert credentials(result) == {"DVC_REMOTE_URL": "s3://bucket/cache", **SECRETS}


def test_a_dispatched_run_is_trusted(machine: Machine, template: Path) -> None:
    payload = {"repository": {"full_name": "acme/model", "default_branch": "main"}}

    result = train(machine, template, payload, event="workflow_dispatch", runners=OWN)

    assert result.jobs == {"measure": "success"}
    assert credentials(result)["DVC_REMOTE_URL"] == "s3://bucket/cache"
    assert calls(result)[0].startswith("each measure ")


def test_without_a_remote_a_dispatched_run_of_main_trains_its_model_for_the_cache(
    machine: Machine, template: Path
) -> None:
    payload: dict[str, Any] = {"repository": {"full_name": "acme/model", "default_branch": "main"}}

    result = train(machine, template, payload, event="workflow_dispatch", variables={})
    assert calls(result)[:2] == ["each run", "each measure --run --base origin/main --push"]

    payload["ref"] = "refs/heads/change"
    result = train(machine, template, payload, event="workflow_dispatch", variables={})
    assert calls(result)[0] == "each measure --run --base origin/main --push"


def test_without_a_remote_earlier_results_come_from_the_actions_cache(machine: Machine, template: Path) -> None:
    machine.cache.mkdir()

    assert (
        "Run Main Restore results of earlier runs" in train(machine, template, pull_request(template), variables={}).log
    )
    assert "Run Main Restore results of earlier runs" not in train(machine, template, pull_request(template)).log


TRACKING = {"MLFLOW_TRACKING_URI": "https://mlflow.example.org"}
LOGIN = {"MLFLOW_TRACKING_USERNAME": "ci", "MLFLOW_TRACKING_PASSWORD": "login-of-the-server"}


def test_a_trusted_run_is_logged_where_an_mlflow_server_is_named(machine: Machine, template: Path) -> None:
    variables, secrets = REMOTE | TRACKING, SECRETS | LOGIN

    trusted = train(machine, template, pull_request(template), variables=variables, secrets=secrets)
    fork = train(machine, template, pull_request(template, "mallory/model"), variables=variables, secrets=secrets)

    assert calls(trusted)[-1] == "each track --if-pending"
    assert "MLFLOW_TRACKING_PASSWORD=login-of-the-server" in trusted.environment
    assert not any("track" in call for call in calls(fork))
    assert "mlflow.example.org" not in fork.environment
    assert "login-of-the-server" not in fork.environment
    assert not any("track" in call for call in calls(train(machine, template, pull_request(template))))


def test_an_mlflow_server_that_is_down_changes_no_verdict(machine: Machine, template: Path) -> None:
    source = PIPELINE.replace("sys.exit(", 'sys.exit(2 if sys.argv[1] == "track" else ')
    (template / "src/pipeline/cli.py").write_text(source, encoding="utf-8")
    publish(template)

    result = train(machine, template, pull_request(template), variables=REMOTE | TRACKING)

    assert calls(result)[-1] == "each track --if-pending"
    assert result.jobs == {"measure": "success"}


def test_a_measurement_and_the_reports_are_uploaded(machine: Machine, template: Path) -> None:
    result = train(machine, template, pull_request(template))

    assert calls(result)[0] == "each measure --run --base origin/main --push"
    assert [path.name for path in (machine.artifacts / "measurement").iterdir()] == ["measurement.json"]
    assert [path.name for path in (machine.artifacts / "reports").iterdir()] == ["metrics.json"]


def test_they_are_uploaded_even_where_a_stage_failed(machine: Machine, template: Path) -> None:
    (template / "exit").write_text("stage train failed", encoding="utf-8")
    publish(template)

    result = train(machine, template, pull_request(template))

    assert result.jobs == {"measure": "failure"}
    assert (machine.artifacts / "measurement/measurement.json").is_file()
    assert (machine.artifacts / "reports/metrics.json").is_file()


@pytest.mark.parametrize("action", ["requested", "in_progress"])
def test_a_run_is_announced_when_it_is_requested_and_when_it_starts(
    action: str, machine: Machine, template: Path
) -> None:
    """A re-run, and one that a person had to approve, only starts."""
    result = machine.act("comment", "workflow_run", run_event(action, None), template)

    assert result.jobs == {"announce": "success"}
    assert calls(result) == ["announce --run 4711"]


@pytest.mark.parametrize("conclusion", ["success", "startup_failure"])  # any but that of the next test
def test_a_run_that_ended_is_answered_and_recorded(conclusion: str, machine: Machine, template: Path) -> None:
    result = machine.act("comment", "workflow_run", run_event("completed", conclusion), template)

    assert result.jobs == {"answer": "success", "record": "success"}
    assert calls(result) == ["answer --run 4711", "record --run 4711"]


@pytest.mark.parametrize("action", ["requested", "completed"])
def test_a_run_that_waits_for_approval_is_neither_announced_nor_answered(
    action: str, machine: Machine, template: Path
) -> None:
    assert machine.act("comment", "workflow_run", run_event(action, "action_required"), template).jobs == {}


def test_a_record_gets_the_artifact_and_the_status_that_was_judged(machine: Machine, template: Path) -> None:
    result = machine.act("comment", "workflow_run", run_event("completed", "success"), template)

    assert """record gets: {"gate": "it's $HOME"}""" in result.lines


def test_a_dispatch_answers_a_pull_request_by_its_number(machine: Machine, template: Path) -> None:
    payload = {"inputs": {"pull_request": "7"}, "repository": {"full_name": "acme/model", "default_branch": "main"}}

    result = machine.act("comment", "workflow_dispatch", payload, template)

    assert result.jobs == {"answer": "success", "record": "success"}
    assert calls(result) == ["answer --pull-request 7", "record --run 4711"]


def test_a_comment_is_written_by_mains_code_whatever_branch_is_checked_out(machine: Machine, template: Path) -> None:
    git(template, "checkout", "--quiet", "-b", "change")
    (template / "src/pipeline/cli.py").write_text("def main():\n    print('called: the change')\n", encoding="utf-8")
    publish(template)

    result = machine.act("comment", "workflow_run", run_event("completed", "success"), template)

    assert calls(result) == ["answer --run 4711", "record --run 4711"]


def test_where_cml_can_not_be_installed_the_run_is_still_answered(machine: Machine, template: Path) -> None:
    result = machine.act("comment", "workflow_run", run_event("completed", "success"), template)

    assert "Failure - Main ./.github/actions/cml" in result.log  # act may lose the last line of a step that fails
    assert calls(result) == ["answer --run 4711", "record --run 4711"]


def watch(machine: Machine, template: Path, **variables: str) -> WorkflowResult:
    payload = {"repository": {"full_name": "acme/model"}}  # absent in GitHub's event, but act needs it
    return machine.act("monitor", "schedule", payload, template, variables=variables, secrets=SECRETS, runners=HOSTED)


def test_the_scheduled_run_monitors_production_where_a_log_is_named(machine: Machine, template: Path) -> None:
    result = watch(machine, template, PIPELINE_LOG_URL="s3://bucket/log", PIPELINE_LABELS_URL="s3://bucket/labels.csv")

    assert result.jobs == {"pipelines": "success", "watch": "success"}
    assert calls(result) == ["matrix", *(f"-C  {call}" for call in ("restore", MONITOR, "watch"))]
    assert "PIPELINE_LOG_URL=s3://bucket/log" in result.environment
    assert "PIPELINE_LABELS_URL=s3://bucket/labels.csv" in result.environment


def test_started_by_hand_on_another_branch_it_monitors_nothing(machine: Machine, template: Path) -> None:
    repository = {"full_name": "acme/model", "default_branch": "main"}
    payload, variables = {"ref": "refs/heads/mine", "repository": repository}, {"PIPELINE_LOG_URL": "s3://bucket/log"}
    result = machine.act("monitor", "workflow_dispatch", payload, template, variables=variables, runners=HOSTED)

    assert calls(result) == []
    assert "watch" not in result.jobs


def test_the_scheduled_run_does_nothing_where_no_log_is_named(machine: Machine, template: Path) -> None:
    result = watch(machine, template)

    assert result.jobs == {"off": "success"}
    assert calls(result) == []


def ended(machine: Machine, template: Path, status: int) -> WorkflowResult:
    """The scheduled run in which `restore` and `monitor` end with this status."""
    source = PIPELINE.replace("sys.exit(", f'sys.exit({status} if sys.argv[1] in {{"restore", "monitor"}} else ')
    (template / "src/pipeline/cli.py").write_text(source, encoding="utf-8")
    publish(template)
    return watch(machine, template, PIPELINE_LOG_URL="s3://bucket/log")


@pytest.mark.parametrize("status", [1, 2])
def test_an_alarm_or_a_blind_monitor_is_no_failed_run_and_updates_the_issues(
    status: int, machine: Machine, template: Path
) -> None:
    result = ended(machine, template, status)

    assert result.jobs["watch"] == "success"
    assert calls(result)[-1] == "-C  watch"


def test_a_defect_of_the_monitor_is_a_failed_run_and_no_alarm(machine: Machine, template: Path) -> None:
    result = ended(machine, template, DEFECT)

    assert result.jobs["watch"] == "failure"
    assert calls(result)[-1] == "-C  watch"  # it refuses a result that was not written


def test_lint_and_tests_run_on_a_hosted_runner(machine: Machine, template: Path) -> None:
    make = "setup lint test test-engine:\n\t@echo called: make $@\n"
    (template / "Makefile").write_text(make, encoding="utf-8")
    (template / ".ci").mkdir()
    (template / ".ci/install").write_text("#!/bin/sh\necho called: install\n", encoding="utf-8")
    (template / ".ci/install").chmod(0o755)
    publish(template)

    result = machine.act("test", "pull_request", pull_request(template), template, runners=HOSTED)
    engine = machine.act("engine", "pull_request", pull_request(template), template, runners=HOSTED)

    assert result.jobs == {"test": "success"}
    assert calls(result) == ["make setup", "make lint", "make test"]
    assert engine.jobs == {"engine": "success"}
    assert calls(engine) == ["make setup", "install", "make test-engine"]
