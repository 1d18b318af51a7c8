"""The model that a release is judged against: what the ledger says serves, else the model before it."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.github.client import api
from pipeline.ship.release import ledger, production
from pipeline.ship.release.production import Predecessor
from tests.pipeline.conftest import FROZEN
from tests.pipeline.github.standin import StandIn
from tests.pipeline.ship.deploy.hosts_in_memory import release
from tests.pipeline.ship.release.history import History

KNOBS = params.read(FROZEN / "params.yaml")
TO = {"environment": "production"}


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """Model a serves; b was merged after it, then c."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    history = History(tmp_path / "work")
    for name in ("a", "b", "c"):
        history.commit(name, name)
    return history


def serves(monkeypatch: pytest.MonkeyPatch, *entries: dict[str, Any]) -> None:
    """Let the host's ledger hold these entries."""
    monkeypatch.setattr(ledger, "on_host", lambda *_: list(entries))


def entry(commit: str, event: Any = "serving", model: str = "a") -> dict[str, Any]:
    return ledger.new_entry(event, release("f" * 12, commit=commit, model=model))


def find(history: History, own: str = "c", chosen: str | None = None) -> Predecessor:
    return production.find(history.folder, own, KNOBS, chosen)


def test_the_model_that_the_ledger_says_serves_counts_not_the_first_parents(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = history.commits["a"], history.commits["b"]
    serves(monkeypatch, entry(a), entry(b, "started", "b"), entry(b, "failed", "b"))
    found = find(history)
    assert (found.origin, found.revision, found.model) == ("ledger", a, "a")
    assert found.sentence == f"release ffffffffffff ({a[:7]}), which serves"


def test_before_the_first_deployment_the_first_parents_model_counts(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    serves(monkeypatch)
    found = find(history)
    assert (found.origin, found.revision, found.model) == ("history", history.commits["b"], "b")


def test_a_commit_that_only_repeats_a_model_does_not_hide_the_model_before_it(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a documentation commit after a refused model would compare the model with itself."""
    serves(monkeypatch)
    history.commit("documentation")
    assert find(history).model == "b"


def test_a_change_that_is_not_committed_is_judged_against_the_commit(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    serves(monkeypatch)
    history.lock("d")
    assert find(history, "d").model == "c"


def test_a_merge_follows_main_not_the_branch(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    serves(monkeypatch)
    history.git("checkout", "-qb", "change")
    history.commit("first try", "d")
    history.commit("second try", "e")
    history.merge("change", "merge")
    assert find(history, "e").model == "c"


def test_the_first_release_has_no_model_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    serves(monkeypatch)
    history = History(tmp_path)
    history.commit("first", "a")
    assert find(history, "a") == Predecessor("none", "", "", "no model before this one")


@pytest.mark.parametrize(
    ("commit", "model", "reason"),
    [
        ("{a}-dirty", "a", "it was made from a changed work tree"),
        ("e" * 40, "a", "this clone lacks commit eeeeeee"),
        ("{a}", "z", "the dvc.lock of its commit names another model"),
    ],
)
def test_what_serves_but_can_not_be_found_by_its_commit_is_named(
    history: History, monkeypatch: pytest.MonkeyPatch, commit: str, model: str, reason: str
) -> None:
    serves(monkeypatch, entry(commit.format(**history.commits), model=model))
    found = find(history)
    assert (found.origin, found.model) == ("history", "b")
    assert f"which serves, can't be used: {reason}" in found.sentence


def test_an_entry_from_before_the_verdicts_is_used(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"event": "serving", "release": "f" * 12, "commit": history.commits["a"], "time": "2026-01-01"}
    serves(monkeypatch, old)
    assert (find(history).origin, find(history).model) == ("ledger", "a")


def test_a_person_can_name_the_revision(history: History) -> None:
    assert find(history, chosen="HEAD~2").model == "a"
    with pytest.raises(PipelineError, match="--champion nowhere: git knows no such revision"):
        find(history, chosen="nowhere")


@pytest.fixture
def github(history: History, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    a, b, c = (history.commits[name] for name in ("a", "b", "c"))
    payload = {"release": "a" * 12, "model": "a"}
    deployments = [
        {"id": 1, "ref": a, "payload": payload} | TO,
        {"id": 2, "ref": b, "payload": {"release": "b" * 12}} | TO,
        {"id": 3, "ref": c, "payload": {"pages": "of somebody else"}} | TO,
        {"id": 4, "ref": b, "payload": {"release": "b" * 12}, "environment": "staging"},
        {"id": 5, "ref": c, "payload": {"release": "c" * 12}} | TO,
    ]
    states = [(1, "in_progress"), (1, "success"), (2, "failure"), (3, "success"), (4, "success"), (5, "in_progress")]
    states.append((1, "inactive"))  # as the success of somebody else's deployment makes it
    statuses = [
        {"id": 10 + at, "deployment": number, "state": state, "created_at": f"2026-11-21T10:00:{at:02}Z"}
        for at, (number, state) in enumerate(states)
    ]
    state = {"repository": "octo/credit", "deployments": deployments, "deployment_statuses": statuses}
    standin = StandIn(state, git=history.folder)
    for name, value in standin.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(api, "RETRY_DELAYS", (0.01,))
    return standin


def test_in_a_workflow_githubs_deployments_are_the_ledger(history: History, github: StandIn) -> None:
    with github:
        found = find(history)
    assert (found.origin, found.revision, found.model) == ("ledger", history.commits["a"], "a")
    assert github.state["violations"] == []


def test_a_workflow_that_may_not_read_the_deployments_judges_against_nothing_else(
    history: History, github: StandIn
) -> None:
    github.misbehave("GET", "deployments", status=403, times=None)
    with github, pytest.raises(PipelineError, match="read the deployments"):
        find(history)
