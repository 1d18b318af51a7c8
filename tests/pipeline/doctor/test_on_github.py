"""`pipeline doctor` on a repository of the stand-in GitHub: each setting where it is good, and where it is wrong."""

import shutil
from typing import Any

import pytest

from pipeline.core import params
from pipeline.doctor import on_github, workflow_files
from pipeline.doctor.finding import Finding
from tests.pipeline.conftest import ROOT
from tests.pipeline.core.test_pipelines import add
from tests.pipeline.github import conftest as github
from tests.pipeline.github.conftest import Scene

pytestmark = pytest.mark.engine
scene, template = github.scene, github.template

OWNER = {"login": "olivia", "type": "User"}
KEYS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
RUNNER = {"name": "gpu-1", "status": "online", "labels": ["self-hosted", "Linux", "gpu"]}
RECENT, OLD = "2999-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
SHUT, OPEN = {"branches": {"1": "main"}}, {"branches": None}


@pytest.fixture(autouse=True)
def repository(scene: Scene) -> None:
    """A public repository with the template's workflows, looked at by its owner."""
    for name in ("rulesets", "workflows", "actions"):
        shutil.copytree(ROOT / ".github" / name, scene.checkout / ".github" / name)
    scene.github.hub.update({"user": OWNER, "permissions": {"olivia": "admin", "ann": "write"}})


def find(name: str) -> Finding:
    return on_github.checks()[f"GitHub: {name}"]()


@pytest.mark.parametrize(
    ("name", "settings", "state", "text"),
    [
        ("Actions", {}, "good", "on; allowed actions: all"),
        ("Actions", {"actions": {"enabled": False}}, "wrong", "Actions are off"),
        ("Actions", {"actions": {"allowed_actions": "local_only"}}, "wrong", "only actions of this owner may run"),
        ("workflow permissions", {}, "good", "each job asks for its rights"),
        ("workflow permissions", {"actions_may_approve": False}, "missing", "Actions may open no pull request"),
        ("default branch", {}, "good", "main: the workflows run on it"),
        ("default branch", {"default_branch": "live"}, "wrong", "live is not among the branches of conflicts.yaml"),
        ("variables", {}, "missing", "none of the"),
        ("variables", {"variables": {"DVC_REMOTE": "s3://b"}}, "good", "DVC_REMOTE (of"),
        ("variables", {"organization_variables": {"DVC_REMOTE": "s3://b"}}, "good", "DVC_REMOTE (of"),
        ("variables", {"variables": {"DVC_REMOT": "s3://b"}}, "wrong", "is DVC_REMOTE meant?"),
        ("variables", {"variables": {"AWS_TRAIN_ROLE": "arn"}}, "wrong", "is set without AWS_REGION"),
        ("secrets", {}, "missing", "none of the"),
        ("secrets", {"secrets": KEYS}, "good", "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (of"),
        ("secrets", {"organization_secrets": KEYS}, "good", "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (of"),
        ("secrets", {"environments": {"release": SHUT | {"secrets": KEYS}}}, "good", "AWS_ACCESS_KEY_ID"),
        ("secrets", {"secrets": KEYS[:1]}, "wrong", "is set without AWS_SECRET_ACCESS_KEY"),
        ("secrets", {"secrets": ["DEPLOY_SSH_KEYS"]}, "wrong", "is DEPLOY_SSH_KEY meant?"),
        ("secrets", {"secrets": ["GATE_APP_PRIVATE_KEY"]}, "wrong", "a workflow of any branch can read it here"),
        ("environments", {}, "missing", "`release` is not restricted to main"),
        ("environments", {"environments": {"release": OPEN}}, "missing", "`release` is open to every branch"),
        ("environments", {"environments": {"release": SHUT}}, "good", "`production` comes with the first deployment"),
        ("environments", {"environments": {"release": OPEN | {"secrets": KEYS}}}, "wrong", "every branch can read its"),
        ("runners", {"runners": [RUNNER]}, "good", "gpu-1: online"),
        ("runners", {"variables": {"RUNNER_LABELS": '["ubuntu-latest"]'}}, "good", "GitHub's: ubuntu-latest"),
        ("runners", {}, "wrong", "no runner has the labels gpu, self-hosted"),
        ("runners", {"runners": [RUNNER | {"labels": ["self-hosted"]}]}, "wrong", "no runner has the labels"),
        ("runners", {"runners": [RUNNER | {"status": "offline"}]}, "wrong", "gpu-1, with the right labels, is offline"),
        ("runners", {"variables": {"RUNNER_LABELS": "gpu"}}, "wrong", "which is no JSON list"),
        ("registry", {}, "good", "ghcr.io/octo/credit: made by the first release"),
        ("registry", {"packages": {"credit": "octo/credit"}}, "good", "linked to this repository"),
        ("registry", {"packages": {"credit": "octo/other"}}, "wrong", "is not linked to this repository"),
        ("registry", {"packages": {"credit": None}}, "wrong", "is not linked to this repository"),
        ("registry", {"variables": {"REGISTRY": "quay.io/o"}}, "wrong", "quay.io/o: there is no login for it"),
        ("registry", {"variables": {"REGISTRY": "x.azurecr.io"}}, "good", "by the cloud's credentials"),
        ("registry", {"variables": {"REGISTRY": "quay.io"}, "secrets": ["REGISTRY_USER"]}, "good", "by the login"),
        ("Pages", {}, "good", "off; no workflow needs it"),
        ("Pages", {"pages": {"status": "built"}}, "good", "on: https://octo.github.io/credit/"),
        ("Pages", {"pages": {"status": "errored"}}, "wrong", "its last build failed"),
        ("deploy target", {}, "missing", "DEPLOY_TARGET names no host"),
        ("deploy target", {"variables": {"DEPLOY_TARGET": "ssh://u@h"}}, "wrong", "DEPLOY_KNOWN_HOSTS is not set"),
        ("deploy target", {"variables": {"DEPLOY_TARGET": "host"}}, "wrong", "host: is no address of Docker"),
        ("deploy target", {"variables": {"DEPLOY_TARGET": "tcp://h:1"}}, "not visible", "tcp://h:1: does not answer"),
        ("labels", {}, "missing", "there is no label `gate: override`"),
        ("labels", {"labels": ["bug", "gate: override"]}, "good", "`gate: override` is there"),
    ],
)
def test_a_setting(scene: Scene, name: str, settings: dict[str, Any], state: str, text: str) -> None:
    scene.github.hub.update(settings)
    finding = find(name)
    assert finding.state == state
    assert text in finding.text
    assert bool(finding.remedy) == (state in ("missing", "wrong"))


def test_two_pipelines_need_ports_and_logs_of_their_own(scene: Scene) -> None:
    add(scene.checkout, "", None)
    add(scene.checkout, "churn/", "churn")
    scene.github.hub.update({"variables": {"DEPLOY_TARGET": "tcp://h:1", "PIPELINE_LOG_URL": "s3://bucket/log"}})
    assert "deploy.name: is pipeline, as deploy.name in churn/params.yaml" in find("deploy target").text
    finding = find("variables")
    assert (finding.state, finding.text) == (
        "wrong",
        "PIPELINE_LOG_URL: gives each pipeline of this repository one address",
    )
    assert "write {deploy.name} in it" in finding.remedy


def test_a_host_without_its_key_is_wrong(scene: Scene) -> None:
    scene.github.hub.update({"variables": {"DEPLOY_TARGET": "ssh://u@h", "DEPLOY_KNOWN_HOSTS": "h ssh-rsa A"}})
    assert find("deploy target").state == "wrong"
    assert "DEPLOY_SSH_KEY is not set" in find("deploy target").text


@pytest.mark.parametrize(
    ("workflow", "runs", "state", "text"),
    [
        ({}, [{"created_at": RECENT, "conclusion": "success"}], "good", "last run 2999-01-01: success"),
        ({"created_at": RECENT}, [], "good", "is active, and has not run yet"),
        ({"created_at": OLD}, [], "wrong", "its schedule has never started it"),
        ({}, [{"created_at": OLD, "conclusion": "success"}], "wrong", "its schedule last started it 2020-01-01"),
        ({}, [{"created_at": RECENT, "conclusion": "failure"}], "wrong", "2999-01-01, ended with failure"),
        ({"state": "disabled_fork"}, [], "wrong", "is off (disabled_fork)"),
        (None, [], "wrong", "GitHub does not know it"),
    ],
)
def test_a_schedule(scene: Scene, workflow: Any, runs: list[dict[str, Any]], state: str, text: str) -> None:
    own = {"id": 70, "head_sha": scene.base, "head_branch": "main", "event": "schedule"}
    own |= {"path": ".github/workflows/monitor.yaml", "status": "completed"}
    scene.github.hub.update({"workflows": {"monitor.yaml": workflow}, "runs": [own | run for run in runs]})
    finding = find("monitor.yaml")
    assert (finding.state, text in finding.text) == (state, True), finding


def test_every_workflow_with_a_schedule_is_looked_at() -> None:
    assert workflow_files.scheduled() == ["conflicts.yaml", "engine.yaml", "monitor.yaml", "renew-cache.yaml"]
    assert all(f"GitHub: {name}" in on_github.checks() for name in workflow_files.scheduled())


def test_the_app_of_the_gate(scene: Scene) -> None:
    set_app = {"variables": {"GATE_APP_CLIENT_ID": "Iv1"}}
    assert find("gate App").state == "missing"
    scene.github.hub.update(set_app)
    assert "gate.app in params.yaml names no App" in find("gate App").text
    path = scene.checkout / "params.yaml"
    path.write_text(path.read_text().replace("app: null", "app: acme-gate"))
    params._read.cache_clear()
    assert "the environment gate lacks GATE_APP_PRIVATE_KEY" in find("gate App").text
    scene.github.hub.update({"environments": {"gate": SHUT | {"secrets": ["GATE_APP_PRIVATE_KEY"]}}})
    assert find("gate App").state == "good"
    scene.github.hub.update({"variables": {}})
    assert "the variable GATE_APP_CLIENT_ID is not set" in find("gate App").text


def test_rulesets_are_compared_as_protect_does(scene: Scene, pipeline: github.Pipeline) -> None:
    assert find("rulesets") == Finding(
        "wrong", "ruleset main is missing: a pull request can be merged past the gate", "make protect APPLY=1"
    )
    pipeline("protect", "--apply")
    assert find("rulesets").state == "good"
    scene.github.state["rulesets"][0]["rules"].pop()
    assert "ruleset main differs from .github/rulesets/" in find("rulesets").text
    scene.github.hub.update({"visibility": "private", "plan": "free"})
    assert (find("rulesets").state, "no rulesets" in find("rulesets").text) == ("missing", True)


pipeline = github.pipeline


def test_what_the_token_may_not_read_is_not_visible(scene: Scene) -> None:
    scene.github.misbehave("GET", "actions/permissions$", status=403, times=None)
    finding = find("Actions")
    assert finding.state == "not visible"
    assert "may not read whether Actions are on" in finding.text
    assert find("labels").state == "missing"


def test_without_a_token_that_github_takes_nothing_is_visible(scene: Scene) -> None:
    scene.github.misbehave("GET", "^$", status=401, times=None)
    findings = [check() for check in on_github.checks().values()]
    assert {finding.state for finding in findings} == {"not visible"}
    assert {finding.remedy for finding in findings} == {"gh auth login"}


def test_without_gh_or_a_repository_nothing_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY")
    assert "origin" in find("Actions").text
    monkeypatch.setenv("PATH", "/nowhere")
    assert find("Actions") == Finding("not visible", "gh is not on the PATH")


def test_nothing_is_written(scene: Scene) -> None:
    for check in on_github.checks().values():
        check()
    assert {call["method"] for call in scene.github.state["calls"]} == {"GET"}
