"""The stand-in itself: it reports requests that GitHub would reject, and runs as a process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.github.client import api
from tests.pipeline.conftest import ROOT
from tests.pipeline.github.conftest import NUMBER, Scene

pytestmark = pytest.mark.engine

STATE = {"repository": "octo/credit", "pulls": [{"number": 7, "head": {"ref": "feature", "sha": "a" * 40}}]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"issues/{NUMBER}/comments", {"text": "no body"}),
        ("POST", f"statuses/{'a' * 40}", {"state": "fine"}),
        ("GET", "contents/params.yaml", None),
    ],
)
def test_a_request_that_github_would_reject_is_a_violation(
    scene: Scene, method: str, path: str, body: dict[str, str] | None
) -> None:
    with pytest.raises(PipelineError):
        api.call(method, path, body, purpose="test")
    assert scene.github.state["violations"]
    scene.github.state["violations"] = []


def test_a_push_by_the_bot_makes_runs_that_wait_for_approval_and_a_persons_none(scene: Scene) -> None:
    for login, kind, expected in (("ann", "User", []), ("github-actions[bot]", "Bot", ["train.yaml", "test.yaml"])):
        scene.github.state["user"] = {"login": login, "type": kind}
        scene.pull["head"]["sha"] = scene.base
        scene.github.state["refs"]["heads/feature"] = scene.base
        api.call("PATCH", "git/refs/heads/feature", {"sha": scene.head, "force": False}, purpose="push")
        made = [run for run in scene.github.state["runs"] if run.get("conclusion") == "action_required"]
        assert [Path(run["path"]).name for run in made] == expected
        assert {(run["head_sha"], run["event"]) for run in made} <= {(scene.head, "pull_request")}


def test_a_request_without_a_token_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "")
    monkeypatch.setenv("GH_TOKEN", "")
    with pytest.raises(PipelineError):
        api.call("GET", "", purpose="read the repository")


def test_it_runs_as_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state.json").write_text(json.dumps(STATE))
    command = [sys.executable, "-m", "tests.pipeline.github.standin", "--state", str(tmp_path / "state.json")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())
        bins = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        for name, value in {"GITHUB_SERVER_URL": address["url"], "SSL_CERT_FILE": address["certificate"]}.items():
            monkeypatch.setenv(name, value)
        for name, value in {"GITHUB_REPOSITORY": "octo/credit", "GITHUB_TOKEN": "x", "PATH": bins}.items():
            monkeypatch.setenv(name, value)
        assert api.call("GET", f"issues/{NUMBER}", purpose="read it")["number"] == NUMBER
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
