"""`pipeline protect` on a repository of the stand-in GitHub: what it shows, writes and advises."""

import json
import shutil
from typing import Any

import pytest

from pipeline.core.git import git
from tests.pipeline.conftest import ROOT
from tests.pipeline.github.conftest import Pipeline, Scene

pytestmark = pytest.mark.engine

OWNER = {"login": "olivia", "type": "User"}
HINT = "nothing was changed; `make protect APPLY=1` writes it"


@pytest.fixture(autouse=True)
def repository(scene: Scene) -> None:
    """A public repository that two people may write to; its owner runs the command."""
    shutil.copytree(ROOT / ".github/rulesets", scene.checkout / ".github/rulesets")
    scene.github.hub.update({"user": OWNER, "permissions": {"olivia": "admin", "ann": "write", "bob": "read"}})


def add_churn(scene: Scene) -> None:
    """A second pipeline, in churn/, with the parameters of the one at the top."""
    parameters = (scene.checkout / "params.yaml").read_text()
    stages = (ROOT / "dvc.yaml").read_text()
    files = {"params.yaml": parameters.replace("name: null", "name: churn"), "dvc.yaml": stages}
    for name, text in {"dvc.yaml": stages, **{f"churn/{name}": text for name, text in files.items()}}.items():
        (scene.checkout / name).parent.mkdir(exist_ok=True)
        (scene.checkout / name).write_text(text)
    git(scene.checkout, "add", "--all")


def protect(pipeline: Pipeline, *options: str, code: int = 0) -> str:
    actual, printed = pipeline("protect", *options)
    assert (actual, "Traceback" in printed) == (code, False), printed
    return printed


def rulesets(scene: Scene) -> dict[str, Any]:
    return {data["name"]: data for data in scene.github.state.get("rulesets", [])}


def rules(scene: Scene) -> dict[str, Any]:
    return {rule["type"]: rule.get("parameters") for rule in rulesets(scene)["main"]["rules"]}


def required(scene: Scene) -> dict[str, int]:
    """The App of each required status."""
    checks = rules(scene)["required_status_checks"]["required_status_checks"]
    return {check["context"]: check["integration_id"] for check in checks}


def branches(scene: Scene, environment: str) -> list[str]:
    return list(scene.github.state["environments"][environment]["branches"].values())


def set_gate(scene: Scene, old: str, new: str) -> None:
    path = scene.checkout / "params.yaml"
    path.write_text(path.read_text().replace(old, new))


def test_without_apply_the_difference_is_shown_and_nothing_is_written(scene: Scene, pipeline: Pipeline) -> None:
    printed = protect(pipeline)
    assert '"context": "gate",' in printed
    assert HINT in printed
    assert rulesets(scene) == {}


def test_applied_once_it_holds_and_applied_again_it_writes_nothing(scene: Scene, pipeline: Pipeline) -> None:
    assert "ruleset main: written" in protect(pipeline, "--apply")
    assert required(scene) == {"gate": 15368, "test": 15368}
    assert rules(scene)["pull_request"]["required_approving_review_count"] == 1
    writes = len(scene.github.calls("POST") + scene.github.calls("PUT"))
    printed = protect(pipeline, "--apply")
    assert "ruleset main: is as wanted" in printed
    assert HINT not in protect(pipeline)
    assert len(scene.github.calls("POST") + scene.github.calls("PUT")) == writes


def test_a_ruleset_that_somebody_loosened_is_shown_and_set_back(scene: Scene, pipeline: Pipeline) -> None:
    protect(pipeline, "--apply")
    rulesets(scene)["main"].update(
        enforcement="disabled", bypass_actors=[{"actor_id": 4, "actor_type": "RepositoryRole", "bypass_mode": "always"}]
    )
    printed = protect(pipeline)
    assert '-  "enforcement": "disabled",' in printed
    assert '-      "actor_type": "RepositoryRole",' in printed
    protect(pipeline, "--apply")
    assert (rulesets(scene)["main"]["enforcement"], rulesets(scene)["main"]["bypass_actors"]) == ("active", [])
    assert list(rulesets(scene)) == ["main"]


def test_other_rulesets_are_left_alone(scene: Scene, pipeline: Pipeline) -> None:
    other = {"id": 1, "name": "tags", "target": "tag", "enforcement": "active", "rules": []}
    scene.github.state["rulesets"] = [other | {"source": "octo/credit", "source_type": "Repository"}]
    protect(pipeline, "--apply")
    assert set(rulesets(scene)) == {"tags", "main"}
    assert rulesets(scene)["tags"]["rules"] == []


def test_alone_no_review_is_required(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["permissions"].pop("ann")
    printed = protect(pipeline, "--apply")
    assert rules(scene)["pull_request"]["required_approving_review_count"] == 0
    assert "@olivia alone may write here" in printed
    assert "set gate.overrule" not in printed


@pytest.mark.parametrize("value", ["another", "anyone"])
def test_where_two_may_write_another_is_advised(scene: Scene, pipeline: Pipeline, value: str) -> None:
    set_gate(scene, "overrule: another", f"overrule: {value}")
    advised = "2 people may write here: set gate.overrule to `another`" in protect(pipeline)
    assert advised == (value == "anyone")


def test_without_an_app_it_says_who_can_merge(pipeline: Pipeline) -> None:
    assert "anyone with write access can merge" in protect(pipeline)


@pytest.mark.parametrize("environment", [None, {"branches": None}, {"branches": {5: "*"}}])
def test_the_app_that_main_names_is_required_and_its_key_is_for_main_alone(
    scene: Scene, pipeline: Pipeline, environment: Any
) -> None:
    set_gate(scene, "app: null", "app: acme-gate")
    scene.github.state["apps"] = {"acme-gate": 424242}
    scene.github.state["environments"] = {"gate": environment} if environment else {}
    printed = protect(pipeline, "--apply")
    assert "anyone with write access can merge" not in printed
    assert required(scene) == {"gate": 424242, "test": 15368}
    assert branches(scene, "gate") == ["main"]
    assert "environment gate: is as wanted" in protect(pipeline)


@pytest.mark.parametrize("environment", [None, {"branches": None}, {"branches": {5: "*", 6: "main"}}])
def test_the_keys_of_a_release_are_for_main_alone(scene: Scene, pipeline: Pipeline, environment: Any) -> None:
    scene.github.state["environments"] = {"release": environment} if environment else {}
    assert "environment release (wanted)" in protect(pipeline)
    assert "environment release: written" in protect(pipeline, "--apply")
    assert branches(scene, "release") == ["main"]
    assert "environment release: is as wanted" in protect(pipeline)


def test_the_reviewers_and_the_waiting_time_of_a_release_stay(scene: Scene, pipeline: Pipeline) -> None:
    rules = {"wait_timer": 30, "prevent_self_review": True, "reviewers": [{"type": "Team", "id": 4}]}
    scene.github.state["environments"] = {"release": {"branches": None, **rules}}
    protect(pipeline, "--apply")
    after = scene.github.state["environments"]["release"]
    assert {name: after[name] for name in rules} == rules


def test_the_status_of_each_pipeline_is_required(scene: Scene, pipeline: Pipeline) -> None:
    add_churn(scene)
    protect(pipeline, "--apply")
    assert required(scene) == {"gate": 15368, "gate/churn": 15368, "test": 15368}


def test_pipelines_that_name_two_apps_are_refused_before_anything_is_written(scene: Scene, pipeline: Pipeline) -> None:
    add_churn(scene)
    set_gate(scene, "app: null", "app: acme-gate")
    printed = protect(pipeline, "--apply", code=2)
    assert printed.count("\n") == 1
    assert "gate.app: is acme-gate for gate, null for gate/churn; one App sets all statuses" in printed
    assert rulesets(scene) == {}


def test_an_app_that_github_does_not_know_is_named(scene: Scene, pipeline: Pipeline) -> None:
    set_gate(scene, "app: null", "app: acme-gat")
    printed = protect(pipeline, code=2)
    assert (printed.count("\n"), "could not read the GitHub App acme-gat of gate.app" in printed) == (1, True)


def test_push_rules_come_where_the_plan_has_them(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.hub.update({"visibility": "internal", "plan": "team"})
    protect(pipeline, "--apply")
    assert set(rulesets(scene)) == {"main", "workflows"}
    assert rulesets(scene)["workflows"]["target"] == "push"
    assert "ruleset workflows: is as wanted" in protect(pipeline)


def test_a_plan_without_push_rules_refuses_them_and_the_rest_is_written(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.hub.update({"visibility": "private", "plan": "pro"})
    assert "ruleset workflows: GitHub refuses it" in protect(pipeline, "--apply")
    assert set(rulesets(scene)) == {"main"}


def test_a_public_repository_has_no_push_rules(pipeline: Pipeline) -> None:
    printed = protect(pipeline)
    assert "ruleset workflows" not in printed
    assert "push rules on .github/ are left out" in printed


def test_a_free_private_repository_has_no_rulesets_which_is_said(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.hub.update({"visibility": "private", "plan": "free"})
    printed = protect(pipeline, "--apply", code=2)
    assert printed.count("\n") == 1
    assert "the status `gate` informs and blocks nothing" in printed


def test_who_may_not_change_rulesets_is_told_so_before_anything_is_written(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.hub.update({"user": {"login": "ann", "type": "User"}})
    assert "only somebody with the role admin" in protect(pipeline, "--apply", code=2)
    assert HINT in protect(pipeline)
    assert not scene.github.calls("POST")


def test_a_damaged_file_is_named(scene: Scene, pipeline: Pipeline) -> None:
    path = scene.checkout / ".github/rulesets/main.json"
    for content, message in (("{", "is no JSON"), (json.dumps({"name": "main"}), "is no ruleset")):
        path.write_text(content)
        printed = protect(pipeline, code=2)
        assert (printed.count("\n"), f"main.json: {message}" in printed) == (1, True)
