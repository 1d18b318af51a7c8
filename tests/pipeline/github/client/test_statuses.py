"""Who sets the status `gate`, and whose is believed: GitHub Actions, or the App that main names."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.github.client import statuses
from tests.pipeline.github.conftest import BOT, Scene

pytestmark = pytest.mark.engine

APP = {"login": "acme-gate[bot]", "type": "Bot"}
KEY = "t0ken-of-the-app"


@pytest.fixture
def app(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Main names an App; the job has its token, which may set statuses alone."""
    path = scene.checkout / "params.yaml"
    path.write_text(path.read_text().replace("app: null", "app: acme-gate"))
    scene.github.state["tokens"] = {KEY: {"user": APP, "permissions": {"statuses": "write"}}}
    monkeypatch.setenv("GATE_TOKEN", KEY)


def creators(scene: Scene) -> list[str]:
    return [data["creator"] for data in scene.github.state["statuses"]]


def test_github_actions_sets_the_status_where_main_names_no_app(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_TOKEN", KEY)
    statuses.post(scene.head, "success", "pass", "https://example.org")
    assert creators(scene) == [BOT["login"]]


@pytest.mark.usefixtures("app")
def test_the_app_that_main_names_sets_it(scene: Scene) -> None:
    statuses.post(scene.head, "success", "pass", "https://example.org")
    assert creators(scene) == [APP["login"]]
    assert (statuses.current(scene.head) or {})["state"] == "success"


@pytest.mark.usefixtures("app")
def test_it_sets_that_of_a_pipeline_with_a_name_and_github_actions_that_of_the_tests(scene: Scene) -> None:
    path = scene.checkout / "params.yaml"
    path.write_text(path.read_text().replace("name: null", "name: churn", 1))
    statuses.post(scene.head, "success", "pass", "https://example.org")
    statuses.post(scene.head, "failure", "failed", "https://example.org", context="test")
    contexts = [data["context"] for data in scene.github.state["statuses"]]
    assert (contexts, creators(scene)) == (["gate/churn", "test"], [APP["login"], BOT["login"]])
    assert (statuses.current(scene.head) or {})["state"] == "success"
    assert (statuses.current(scene.head, "test") or {})["state"] == "failure"


@pytest.mark.usefixtures("app")
def test_without_its_token_no_status_is_set_and_the_place_of_its_key_is_named(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_TOKEN", "")
    with pytest.raises(PipelineError, match=r"gate.app is 'acme-gate', .* GATE_APP_PRIVATE_KEY of the environment"):
        statuses.post(scene.head, "success", "pass", "https://example.org")
    assert creators(scene) == []


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("creator", [BOT["login"], "alice", "acme-gate", "other[bot]"])
def test_a_status_of_anybody_else_is_not_believed(scene: Scene, creator: str) -> None:
    status = {"sha": scene.head, "state": "success", "context": "gate", "creator": creator}
    scene.github.state["statuses"].append(status)
    assert statuses.current(scene.head) is None


def test_a_newer_status_of_a_person_does_not_hide_that_of_the_workflow(scene: Scene) -> None:
    own = {"sha": scene.head, "state": "failure", "context": "gate"}
    scene.github.state["statuses"] += [own, own | {"state": "success", "creator": "alice"}]
    assert (statuses.current(scene.head) or {})["state"] == "failure"
