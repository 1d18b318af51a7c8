"""Properties of the workflows' text: pins, permissions, time-outs, and what untrusted code never gets."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from pipeline.cli import pipeline
from pipeline.github.client import override_runs
from tests.pipeline import guard
from tests.pipeline.conftest import ROOT
from tests.pipeline.ship.release.parts import COSIGN

GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: YAML(typ="safe").load(path) for path in sorted((GITHUB / "workflows").glob("*.yaml"))}
ACTIONS = {path.parent.name: YAML(typ="safe").load(path) for path in sorted((GITHUB / "actions").glob("*/action.yaml"))}
JOBS = [(workflow, name, job) for workflow, content in WORKFLOWS.items() for name, job in content["jobs"].items()]
IDS = [f"{workflow}.{name}" for workflow, name, _ in JOBS]
BIN = Path(sys.executable).parent
SWITCH = '"$SWITCH"'  # the command that operate.yaml's input names
# Workflows with write permissions, or with secrets, on an event that a stranger can cause.
PRIVILEGED = ("comment", "override", "test-status")
HOSTED_MAIN = (*PRIVILEGED, "retrain")  # workflows that may write to the repository and run main's code


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for workflow, name, job in JOBS:
        yield from ((f"{workflow}.{name}", step) for step in job["steps"])
    for name, action in ACTIONS.items():
        yield from ((name, step) for step in action["runs"]["steps"])


def lines() -> Iterator[tuple[str, str]]:
    for path in sorted(GITHUB.rglob("*.yaml")):
        yield from ((path.name, line) for line in path.read_text(encoding="utf-8").splitlines())


def test_images_are_signed_and_verified_by_the_cosign_that_the_tests_run() -> None:
    installs = [step for _, step in steps() if step.get("uses", "").startswith("sigstore/cosign-installer@")]
    assert [step["with"]["cosign-release"] for step in installs] == [f"v{COSIGN}"] * 2


def test_every_action_is_pinned_to_a_commit_and_names_its_release() -> None:
    pin = re.compile(r"uses: [\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
    local = re.compile(r"uses: \./\.github/actions/[\w-]+$")
    uses = [(name, line.strip().removeprefix("- ")) for name, line in lines() if re.match(r"\s*(- )?uses:", line)]

    assert len(uses) > 10
    assert [use for use in uses if not pin.match(use[1]) and not local.match(use[1])] == []


def test_an_action_has_one_pin_in_all_workflows() -> None:
    pins: dict[str, set[str]] = {}
    for _, step in steps():
        action, separator, commit = step.get("uses", "").partition("@")
        if separator:
            pins.setdefault(action, set()).add(commit)

    assert {action: commits for action, commits in pins.items() if len(commits) > 1} == {}


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=IDS)
def test_every_job_has_its_own_time_out_and_permissions(workflow: str, name: str, job: dict[str, Any]) -> None:
    assert 0 < job["timeout-minutes"] <= 360
    assert isinstance(job["permissions"], dict)
    assert WORKFLOWS[workflow]["permissions"] == {}


def test_write_permissions_are_exactly_these() -> None:
    granted = {
        f"{workflow}.{name}": {permission for permission, level in job["permissions"].items() if level == "write"}
        for workflow, name, job in JOBS
    }

    assert {name: permissions for name, permissions in granted.items() if permissions} == {
        "comment.announce": {"pull-requests", "statuses"},
        "comment.answer": {"pull-requests", "statuses"},
        "comment.record": {"actions", "contents", "statuses"},
        "conflicts.merge-main": {"actions", "contents", "pull-requests", "statuses"},
        "deploy.release": {"attestations", "id-token", "packages"},
        "deploy.deploy": {"deployments", "id-token"},
        "monitor.watch": {"actions", "id-token", "issues"},
        "operate.operate": {"deployments"},
        "override.overrule": {"actions", "pull-requests", "statuses"},
        "retrain.retrain": {"actions", "contents", "id-token", "issues", "pull-requests"},
        "test-status.report": {"statuses"},
        "test.hand-over": {"actions"},
        "train.measure": {"id-token"},
        "train.hand-over": {"actions"},
    }


def test_no_checkout_persists_its_credentials() -> None:
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]

    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_host_stands_only_where_it_is_the_default_of_a_setting() -> None:
    code = [path for path in (ROOT / "src/pipeline").rglob("*.py") if "__pycache__" not in path.parts]
    own = [path for path in GITHUB.rglob("*") if path.suffix in {".yaml", ".py"} or "Dockerfile" in path.name]
    named = [
        line.strip()
        for path in [*code, *own]
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"(?<!cli\.)\bgithub\.com|ghcr\.io", line)
    ]
    default = re.compile(r"\bor ['\"]|\|\| '|:-https|os\.environ\.get\(|^ARG |help=|on GitHub:|# default of ")

    assert [line for line in named if not default.search(line)] == []


def test_no_script_contains_an_expression() -> None:
    assert [(name, step["run"]) for name, step in steps() if "${{" in step.get("run", "")] == []


def test_a_step_is_one_command() -> None:
    scripts = [(name, step["run"]) for name, step in steps() if "\n" in step.get("run", "").strip()]

    assert scripts == []


def test_workflows_that_may_write_check_out_main_and_run_on_hosted_runners() -> None:
    for workflow in HOSTED_MAIN:
        for name, job in WORKFLOWS[workflow]["jobs"].items():
            assert job["runs-on"] == "ubuntu-latest", name
            for step in job["steps"]:
                if step.get("uses", "").startswith("actions/checkout@"):
                    assert step["with"]["ref"] == "${{ github.event.repository.default_branch }}", name
                    assert "repository" not in step["with"], name


def test_workflows_that_may_write_restore_no_cache_and_download_no_artifact_by_an_action() -> None:
    used = {
        step.get("uses", "").partition("@")[0]
        for name in HOSTED_MAIN
        for job in WORKFLOWS[name]["jobs"].values()
        for step in job["steps"]
    }

    own = {f"./.github/actions/{name}" for name in ("setup", "cml", "cloud")}
    assert used <= {"", "actions/checkout", "actions/create-github-app-token", *own}


def test_github_keeps_the_cache_from_every_job_that_needs_none() -> None:
    """`cache-mode` is enforced by GitHub's cache service, whatever a step of the job tries."""
    modes = {f"{workflow}.{name}": job["cache-mode"] for workflow, name, job in JOBS}

    assert {name: mode for name, mode in modes.items() if mode != "none"} == {
        "deploy.release": "write",  # main's champion
        "monitor.watch": "read",
        "renew-cache.renew": "read",
        "train.measure": "write",  # of a pull request, in its own scope
    }


def test_what_a_pull_request_caches_is_bounded_and_the_champion_is_renewed_within_seven_days() -> None:
    names = [step.get("run") or step.get("uses", "") for step in WORKFLOWS["train"]["jobs"]["measure"]["steps"]]
    measured, collected = (next(i for i, name in enumerate(names) if part in name) for part in ("measure", "dvc gc"))
    assert measured < collected
    (restore,) = (step for name, step in steps() if name == "renew-cache.renew" and "/restore@" in step["uses"])
    (champion,) = (
        step for name, step in steps() if name == "deploy.release" and "actions/cache@" in step.get("uses", "")
    )
    assert restore["with"] == champion["with"]
    assert WORKFLOWS["renew-cache"]["on"]["schedule"] == [{"cron": "17 5 * * 1,4"}]


def test_a_run_of_the_tests_makes_the_required_status_pending_from_its_start() -> None:
    assert set(WORKFLOWS["test-status"]["on"]["workflow_run"]["types"]) == {"in_progress", "completed"}
    assert (WORKFLOWS["test"]["on"]["pull_request"] or {}).keys() & {"paths", "paths-ignore"} == set()


def test_images_are_attested_without_a_storage_record() -> None:
    attests = [step["with"] for _, step in steps() if step.get("uses", "").startswith("actions/attest")]

    assert [attest.get("predicate-type") for attest in attests] == [None, "urn:pipeline:release:1"]
    assert attests[0]["create-storage-record"] is False
    assert not any("artifact-metadata" in job["permissions"] for _, _, job in JOBS)


RELEASE = {"name": "release", "deployment": False}
RELEASE_SECRETS = {"COSIGN_PRIVATE_KEY", "COSIGN_PASSWORD", "DEPLOY_SSH_KEY", "REGISTRY_USER", "REGISTRY_PASSWORD"}


def test_the_keys_of_a_release_are_read_only_in_the_environment_that_main_alone_gets() -> None:
    """`deployment: false`: the command records the deployment, and GitHub must not record a second one."""
    reads = {
        f"{workflow}.{name}": set(re.findall(r"secrets\.(\w+)", str(job))) & RELEASE_SECRETS
        for workflow, name, job in JOBS
    }

    assert {name for name, secrets in reads.items() if secrets} == {
        "deploy.release",
        "deploy.deploy",
        "operate.operate",
    }
    assert {f"{workflow}.{name}" for workflow, name, job in JOBS if job.get("environment") == RELEASE} == {
        "deploy.release",
        "deploy.deploy",
        "operate.operate",
    }


def test_a_job_that_reads_a_store_can_do_so_by_a_role_of_its_own() -> None:
    roles = {
        f"{workflow}.{name}": set(re.findall(r"vars\.AWS_(\w+)_ROLE", str(step["with"])))
        for workflow, name, job in JOBS
        for step in job["steps"]
        if step.get("uses") == "./.github/actions/cloud"
    }

    assert roles == {
        "deploy.release": {"RELEASE"},
        "deploy.deploy": {"RELEASE"},
        "monitor.watch": {"WATCH"},
        "retrain.retrain": {"WATCH"},
        "train.measure": {"TRAIN"},
    }
    assert all(job["permissions"]["id-token"] == "write" for w, name, job in JOBS if f"{w}.{name}" in roles)
    assert all(step["if"].endswith("!= ''") for step in ACTIONS["cloud"]["runs"]["steps"])  # without a role, no step


def test_a_hand_over_job_checks_nothing_out_and_is_only_for_dispatched_runs_however_they_end() -> None:
    jobs = {name: WORKFLOWS[name]["jobs"]["hand-over"] for name in ("train", "test")}

    assert [step for job in jobs.values() for step in job["steps"] if "uses" in step] == []
    assert jobs["train"]["if"] == "${{ always() && inputs.answer }}"
    assert jobs["test"]["if"] == "${{ always() && github.event_name == 'workflow_dispatch' }}"
    assert set(WORKFLOWS["train"]["on"]["workflow_dispatch"]["inputs"]) == {"answer"}


def test_an_override_is_by_the_person_who_runs_the_workflow_again() -> None:
    (job,) = WORKFLOWS["override"]["jobs"].values()

    assert job["env"]["PERSON"] == "${{ github.triggering_actor || github.event.sender.login }}"
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert len(commands) == 3
    assert all('--by "$PERSON" --commit "$COMMIT"' in command for command in commands)


def test_main_can_read_for_which_commit_a_run_has_overruled() -> None:
    title = WORKFLOWS["override"]["run-name"]

    assert f"format('{override_runs.title(0, 'SHA')}', ".replace("#0 at SHA", "#{0} at {1}") in title
    assert "github.event.pull_request.number || inputs.pull_request" in title
    assert "github.event.pull_request.head.sha || inputs.commit" in title
    assert "github.event.action == 'labeled' && github.event.label.name == 'gate: override'" in title


def test_each_command_that_sets_the_status_can_do_so_as_an_app() -> None:
    command = re.compile(r"pipeline (announce|answer|record|overrule|merge-main)\b")
    jobs = [job for _, _, job in JOBS]
    setting = [job for job in jobs if any(command.search(step.get("run", "")) for step in job["steps"])]

    assert len(setting) == 5
    for job in setting:
        calls = [step for step in job["steps"] if command.search(step.get("run", ""))]
        assert {call["env"]["GATE_TOKEN"] for call in calls} == {"${{ steps.app.outputs.token }}"}
        (app,) = (step for step in job["steps"] if step.get("id") == "app")
        assert app["if"] == "vars.GATE_APP_CLIENT_ID != ''"
        assert {key for key in app["with"] if key.startswith("permission-")} == {"permission-statuses"}
        assert job["environment"] == {"name": "${{ vars.GATE_APP_CLIENT_ID && 'gate' || '' }}", "deployment": False}


def test_only_override_runs_on_pull_request_target() -> None:
    assert [name for name, content in WORKFLOWS.items() if "pull_request_target" in content["on"]] == ["override"]


def test_trust_is_decided_by_one_condition() -> None:
    """`runs-on` can't read the workflow's `env`, so the condition is repeated."""
    train = WORKFLOWS["train"]
    condition = train["env"]["TRUSTED"].removeprefix("${{ ").removesuffix(" }}")
    labels = 'vars.RUNNER_LABELS || \'["self-hosted","gpu"]\''

    expected = f"${{{{ fromJSON(({condition}) && ({labels}) || '[\"ubuntu-latest\"]') }}}}"
    assert train["jobs"]["measure"]["runs-on"] == expected


def test_self_hosted_runners_are_used_only_behind_that_condition() -> None:
    runners = {f"{workflow}.{name}": job["runs-on"] for workflow, name, job in JOBS}

    assert [name for name, runner in runners.items() if runner != "ubuntu-latest"] == ["train.measure"]


def test_secrets_and_the_remote_of_training_are_used_only_behind_that_condition() -> None:
    value = r"(secrets\.\w+|vars\.DVC_REMOTE|\(env\.(AWS_\w+) \|\| secrets\.\2\))"
    guarded = re.compile(rf"\$\{{\{{ env\.TRUSTED == 'true' && {value} \|\| '' \}}\}}$")
    uses = [
        line.strip()
        for name, line in lines()
        if name == "train.yaml" and re.search(r"secrets\.|vars\.DVC_REMOTE", line)
    ]

    assert len(uses) == 8
    unguarded = [line for line in uses if not guarded.search(line)]
    assert len(unguarded) == 3
    assert all(line.startswith("if: ") and "vars.DVC_REMOTE == ''" in line for line in unguarded)


def test_a_newer_push_cancels_the_measuring_of_an_older_one() -> None:
    assert WORKFLOWS["train"]["concurrency"] == {
        "group": "train-${{ github.event.pull_request.number || github.ref }}",
        "cancel-in-progress": True,
    }


def test_nothing_cancels_or_replaces_what_must_be_answered_for_each_run() -> None:
    """`cancel-in-progress: false` keeps a running job; only `queue: max` keeps those that wait."""
    answering = [job["concurrency"] for job in WORKFLOWS["comment"]["jobs"].values()]
    for concurrency in (*answering, *(WORKFLOWS[name]["concurrency"] for name in ("retrain", "test-status"))):
        assert (concurrency["cancel-in-progress"], concurrency["queue"]) == (False, "max")


def test_jobs_for_one_head_run_one_at_a_time_however_they_are_started() -> None:
    run = "github.event.workflow_run"
    head = f"format('{{0}}:{{1}}', {run}.head_repository.full_name, {run}.head_branch)"
    dispatched = "inputs.head || inputs.pull_request"
    groups = {name: job["concurrency"]["group"] for name, job in WORKFLOWS["comment"]["jobs"].items()}

    assert groups == {
        "announce": f"comment-${{{{ {head} }}}}",
        "answer": f"comment-${{{{ {dispatched} || {head} }}}}",
        "record": f"record-${{{{ {dispatched} || {head} }}}}",
    }


def test_conflicts_are_looked_for_after_each_push_to_main_and_on_schedule() -> None:
    assert set(WORKFLOWS["conflicts"]["on"]) == {"push", "schedule", "workflow_dispatch"}


def test_numbers_of_a_dispatch_are_text_that_the_command_checks() -> None:
    """Of an empty input with `type: number` it is not documented what the workflow gets."""
    dispatches = [(content["on"].get("workflow_dispatch") or {}).get("inputs", {}) for content in WORKFLOWS.values()]
    types = {field["type"] for inputs in dispatches for field in inputs.values()}

    assert types == {"boolean", "choice", "string"}


def test_the_default_branch_may_have_another_name_than_main() -> None:
    """A filter can't name the default branch, so it names usual ones; the jobs that matter compare with it."""
    usual = ["main", "master", "trunk", "develop"]
    default = "github.event.repository.default_branch"
    filters = {name: WORKFLOWS[name]["on"][event]["branches"] for name, event in FILTERED.items()}

    assert filters == dict.fromkeys(FILTERED, usual)
    train, release = WORKFLOWS["train"]["jobs"]["measure"], WORKFLOWS["deploy"]["jobs"]["pipelines"]
    assert train["if"].endswith(f"github.event.pull_request.base.ref == {default}")
    assert release["if"] == f"github.ref_name == {default}"
    assert not any("origin/main" in step.get("run", "") for _, step in steps())


FILTERED = {"conflicts": "push", "deploy": "push", "test": "push", "train": "pull_request"}


def test_a_missing_system_part_fails_in_ci_and_is_skipped_and_named_on_a_hosted_runner() -> None:
    """On GitHub the tests are not root, as mounting a disk needs; the job's summary names what was skipped."""
    assert not any("PIPELINE_REQUIRE_SYSTEM_PARTS" in line for _, line in lines())
    checks = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert checks[-4:] == ["export PIPELINE_REQUIRE_SYSTEM_PARTS=1", "make lint", "make test", "make test-engine"]


def test_the_engines_tests_run_for_changes_outside_the_project_and_once_a_week() -> None:
    on = WORKFLOWS["engine"]["on"]

    assert set(on) == {"pull_request", "schedule", "workflow_dispatch"}
    ignored = {path.removesuffix("**") for path in on["pull_request"]["paths-ignore"]}
    assert ignored == set(guard.TEMPLATE.project)


def test_a_deployment_is_never_cancelled_and_deploys_only_main() -> None:
    deploy = WORKFLOWS["deploy"]

    assert deploy["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
    assert set(deploy["on"]) == {"push", "workflow_dispatch"}


def test_the_monitor_runs_on_schedule_or_by_hand_and_never_twice_at_once() -> None:
    monitor = WORKFLOWS["monitor"]

    assert set(monitor["on"]) == {"schedule", "workflow_dispatch"}
    assert monitor["concurrency"] == {"group": "monitor", "cancel-in-progress": False}


def test_a_deployment_needs_a_host_and_a_new_release() -> None:
    jobs = WORKFLOWS["deploy"]["jobs"]
    (upload,) = (step for step in jobs["release"]["steps"] if "/upload-artifact@" in step.get("uses", ""))

    assert upload["if"].startswith("steps.build.outputs.built == 'true' || ")
    assert "vars.DEPLOY_TARGET != ''" in jobs["released"]["if"]
    assert jobs["deploy"]["if"].endswith("needs.released.outputs.matrix != '[]' }}")


OF_PIPELINES = {
    "deploy.release": "pipelines",
    "deploy.deploy": "released",
    "monitor.watch": "pipelines",
    "renew-cache.renew": "pipelines",
}


def test_each_pipeline_has_a_job_of_its_own_by_a_list_that_the_code_makes() -> None:
    matrices = {f"{workflow}.{name}": job for workflow, name, job in JOBS if "strategy" in job}

    assert set(matrices) == set(OF_PIPELINES)
    for name, job in matrices.items():
        listing, plain = OF_PIPELINES[name], name.partition(".")[2]
        include = f"${{{{ fromJSON(needs.{listing}.outputs.matrix) }}}}"
        assert job["strategy"] == {"fail-fast": False, "matrix": {"include": include}}
        assert job["name"] == f"{plain}${{{{ matrix.suffix }}}}"
        calls = [step["run"] for step in job["steps"] if ".venv/bin/pipeline" in step.get("run", "")]
        assert all('.venv/bin/pipeline -C "$FOLDER" ' in call for call in calls)


def test_uploads_from_a_hidden_folder_include_hidden_files() -> None:
    uploads = [step["with"] for _, step in steps() if step.get("uses", "").startswith("actions/upload-artifact@")]

    assert [upload["name"] for upload in uploads] == [
        *("release${{ matrix.suffix }}", "monitor${{ matrix.suffix }}"),
        *("measurement", "reports"),
    ]
    assert all(upload.get("include-hidden-files") for upload in uploads if upload["path"].startswith("."))


def test_the_commands_exist() -> None:
    from pipeline.cli import COMMANDS

    called = {
        match
        for _, step in steps()
        for match in re.findall(r"\.venv/bin/pipeline (?:each |-C \S+ )?(\S+)", step.get("run", ""))
    }
    assert called == {
        *("run", "measure", "drift", "track", "announce", "answer", "record", "overrule", "merge-main", "report-tests"),
        *("matrix", "release", "deploy", "restore", "monitor", "watch", "retrain", "propose"),
        SWITCH,
    }
    assert called - {SWITCH} <= set(COMMANDS)


def test_uv_is_checked_by_a_hash_wherever_it_is_installed() -> None:
    pinned = (GITHUB / "uv.txt").read_text(encoding="utf-8")

    assert re.search(r"^uv==\d+\.\d+\.\d+ ", pinned, re.MULTILINE)
    assert pinned.count("--hash=sha256:") > 10
    install = "--require-hashes --requirement .github/uv.txt"
    assert install in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [step.get("run") for step in ACTIONS["setup"]["runs"]["steps"]] == ["make setup"]


@pytest.mark.parametrize(
    "command",
    [
        ("zizmor", "--offline", "--quiet", "--strict-collection", "--persona", "pedantic", ".github"),
        ("actionlint", "-shellcheck=", "-pyflakes="),
    ],
    ids=lambda command: command[0],
)
def test_the_linters_find_nothing(command: tuple[str, ...]) -> None:
    completed = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_each_accepted_finding_has_its_reason() -> None:
    accepted = [line.partition("zizmor: ignore[")[2] for _, line in lines() if "zizmor: ignore[" in line]

    assert len(accepted) == 3
    assert all(len(finding.partition("] ")[2].split()) > 5 for finding in accepted)


def test_a_switch_is_a_command_that_takes_its_reason() -> None:
    (dispatch,) = WORKFLOWS["operate"]["on"].values()
    for switch in dispatch["inputs"]["switch"]["options"]:
        command = pipeline.get_command(click.Context(pipeline), switch)
        assert command
        assert [parameter.name for parameter in command.params if isinstance(parameter, click.Argument)] == ["reason"]
