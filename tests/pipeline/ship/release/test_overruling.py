"""Which override lets a model that fails be released: a person's at the command line, or the merged pull request's."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import PipelineError
from pipeline.github.client import api
from pipeline.github.client.pulls import TRAILER
from pipeline.github.pull_request import overrides
from pipeline.review.gate.override import LABEL, Override
from pipeline.ship.release import overruling
from pipeline.ship.release.verdict import Overruling
from tests.pipeline.github.hub import BOT
from tests.pipeline.github.overriding import labeled, override_run
from tests.pipeline.github.standin import StandIn
from tests.pipeline.ship.release.history import History

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


class Merged:
    """Pull request 7, which brought model b to main, and what the bot recorded there."""

    def __init__(self, folder: Path, *, squash: bool = False) -> None:
        self.history = History(folder / "github")
        self.history.commit("a", "a")
        self.history.git("checkout", "-qb", "change")
        self.head = self.history.commit("b", "b")
        merge = self.history.merge("change", "merge", squash=squash)
        self.pull: dict[str, Any] = {
            "number": 7,
            "state": "closed",
            "labels": [LABEL],
            "head": {"ref": "change", "sha": self.head, "repo": "octo/credit"},
            "base": {"ref": "main"},
            "merged_at": "2026-11-21T11:00:00Z",
            "merge_commit_sha": merge,
        }
        self.comments = list[dict[str, Any]]()
        self.runs = list[dict[str, Any]]()
        self.events = [labeled(7, "carol")]
        self.clone = folder / "work"
        self.history.git("clone", "-q", "--single-branch", str(self.history.folder), str(self.clone))

    def record(self, commit: str, user: dict[str, str] = BOT, **changes: Any) -> None:
        self.runs.append(
            override_run(60 + len(self.runs), 7, "carol", commit, status="completed", conclusion="success")
        )
        override = Override(by="carol", at=AT, commit=commit, reason="a known shift", run=self.runs[-1]["id"])
        override = override.model_copy(update=changes)
        self.comments.append({"issue": 7, "user": user, "body": overrides.render(override)})

    def carried(self, monkeypatch: pytest.MonkeyPatch) -> Overruling | None:
        state = {"repository": "octo/credit", "pulls": [self.pull], "comments": self.comments}
        state |= {"runs": self.runs, "events": self.events}
        with StandIn(state, git=self.history.folder) as github:
            for name, value in github.environment().items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
            monkeypatch.setattr(api, "RETRY_DELAYS", (0.01,))
            found = overruling.of_merged(self.clone)
            assert github.state["violations"] == []
            return found


@pytest.fixture(params=[False, True], ids=["merge commit", "squashed"])
def merged(request: pytest.FixtureRequest, tmp_path: Path) -> Merged:
    return Merged(tmp_path, squash=request.param)


def test_the_override_of_the_merged_pull_request_carries_over(merged: Merged, monkeypatch: pytest.MonkeyPatch) -> None:
    merged.record(merged.head)
    found = merged.carried(monkeypatch)
    assert found is not None
    assert (found.by, found.reason, found.pull_request, found.at) == ("carol", "a known shift", 7, AT.isoformat())


@pytest.mark.parametrize("change", [{"run": None}, {"run": 61}, {"by": "dave"}])
def test_a_record_that_github_does_not_confirm_carries_nothing_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    merged = Merged(tmp_path)
    merged.record(merged.head, **change)
    assert merged.carried(monkeypatch) is None


def test_an_override_of_the_measured_commit_holds_for_the_bots_record_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = Merged(tmp_path)
    history = merged.history
    history.git("checkout", "-qb", "next", "main")
    measured = history.commit("a change of the code")
    history.lock("c")
    history.git("commit", "-qam", f"Record what was measured\n\n{TRAILER}{measured}")
    merged.pull["head"]["sha"] = history.git("rev-parse", "HEAD")
    merged.pull["merge_commit_sha"] = history.merge("next", "merge 2")
    history.git("-C", str(merged.clone), "pull", "-q")
    merged.record(measured)
    found = merged.carried(monkeypatch)
    assert found is not None
    assert found.by == "carol"


@pytest.mark.parametrize(
    ("change", "user", "withdrawn"),
    [
        ({"labels": []}, BOT, None),  # the label was taken off
        ({}, BOT, AT),
        ({}, {"login": "mallory", "type": "User"}, None),  # anybody can write such a comment
        ({"merged_at": None}, BOT, None),
        ({"base": {"ref": "release"}}, BOT, None),
        ({"merge_commit_sha": "0" * 40, "head": {"ref": "x", "sha": "1" * 40, "repo": None}}, BOT, None),
    ],
    ids=["no label", "withdrawn", "not ours", "not merged", "another branch", "a direct push"],
)
def test_any_other_override_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], user: dict[str, str], withdrawn: Any
) -> None:
    merged = Merged(tmp_path)
    merged.pull |= change
    merged.record(merged.head, user, withdrawn=withdrawn)
    assert merged.carried(monkeypatch) is None


def test_an_override_of_another_lock_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merged = Merged(tmp_path)
    merged.record(merged.history.commits["a"])
    assert merged.carried(monkeypatch) is None
    (merged.clone / "dvc.lock").write_text("schema: '2.0'\n", encoding="utf-8")  # merged with other changes
    merged.record(merged.head)
    assert merged.carried(monkeypatch) is None


def test_a_person_gives_a_name_and_a_reason() -> None:
    assert overruling.by_person(None, None) is None
    found = overruling.by_person(" Ann  B ", "a\ntrial")
    assert found is not None
    assert (found.by, found.reason, found.pull_request) == ("Ann B", "a trial", None)
    for person, reason, lacking in [("Ann", None, "--reason"), ("Ann", " ", "--reason"), (None, "x", "--overruled-by")]:
        with pytest.raises(PipelineError, match=f"takes a name and a reason; {lacking}"):
            overruling.by_person(person, reason)
