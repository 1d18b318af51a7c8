"""Pull requests that conflict with main, with git's own conflicts: GitHub runs no workflow for them."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.core.git import git
from tests.pipeline.conftest import FROZEN
from tests.pipeline.github.conftest import LOCK, NUMBER, Pipeline, Scene, commit

pytestmark = pytest.mark.engine

MADE = {"dvc.lock": LOCK.replace("cmd: train\n", "cmd: train --main\n"), "reports/metrics.json": '{"roc_auc": 0.9}\n'}
THEIRS = {"dvc.lock": LOCK.replace("cmd: train\n", "cmd: train --theirs\n"), "reports/metrics.json": '{"roc_auc": 1}\n'}
TEXT = "".join(f"line {number}\n" for number in range(20))


def merge_main(pipeline: Pipeline) -> str:
    code, printed = pipeline("merge-main", "--wait", "10")
    assert code == 0, printed
    return printed


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.github.pull_request.conflicts.INTERVAL", 0.01)


def conflict_comments(scene: Scene) -> list[str]:
    return [data["body"] for data in scene.github.state["comments"] if "pipeline-conflict" in data["body"]]


def test_a_pull_request_without_a_conflict_is_left_alone(scene: Scene, pipeline: Pipeline) -> None:
    scene.diverge({"README.md": "main\n"}, {"src/project/more.py": "more = 1\n"})
    assert "no conflict" in merge_main(pipeline)
    assert not scene.github.calls("POST")


def test_where_only_lock_and_metrics_conflict_main_is_merged_and_measured(scene: Scene, pipeline: Pipeline) -> None:
    changed = TEXT.replace("line 2\n", "line two\n"), TEXT.replace("line 17\n", "line seventeen\n")
    git(scene.checkout, "checkout", "-q", "main")
    commit(scene.checkout, {"notes.txt": TEXT, "old.txt": "old\n"}, "Notes")
    git(scene.checkout, "checkout", "-q", "feature")
    git(scene.checkout, "merge", "-q", "main", "-m", "Notes")
    git(scene.checkout, "checkout", "-q", "main")
    git(scene.checkout, "rm", "-q", "old.txt")
    theirs = THEIRS | {"notes.txt": changed[1], "src/project/more.py": "1\n"}
    scene.diverge(MADE | {"notes.txt": changed[0]}, theirs)

    merge_main(pipeline)

    top = scene.pull["head"]["sha"]
    merged = scene.github.state["commits"][top]
    assert merged["parents"] == [scene.head, scene.base]
    main, head = (scene.github.state["commits"][sha]["tree"] for sha in (scene.base, scene.head))
    assert {path: merged["tree"][path] for path in MADE} == {path: main[path] for path in MADE}
    assert merged["tree"]["src/project/more.py"] == head["src/project/more.py"]
    assert "old.txt" not in merged["tree"]
    (upload,) = scene.github.calls("POST", "git/blobs")
    both = TEXT.replace("line 2\n", "line two\n").replace("line 17\n", "line seventeen\n")
    assert base64.b64decode(upload["body"]["content"]).decode() == both
    assert scene.status(top) == ("pending", "main was merged; being measured")
    assert scene.github.state["dispatches"] == [
        {"workflow": "train.yaml", "ref": "feature", "inputs": {"answer": "true"}},
        {"workflow": "test.yaml", "ref": "feature", "inputs": {}},
    ]
    assert not conflict_comments(scene)


FORK = "it comes from a fork, to which no workflow may push"
PARAMS = (FROZEN / "params.yaml").read_text(encoding="utf-8").replace("%", "%%").replace("Credit default", "%s")
BATCHES = '{"source": "a.csv", "added": {"folder": "f", "files": []}}'


@pytest.mark.parametrize(
    ("main", "head", "pull", "reason"),
    [
        ({"src/project/features.py": "main = 1\n"}, {}, {}, "in src/project/features.py"),
        ({"params.yaml": PARAMS % "One"}, {"params.yaml": PARAMS % "Two"}, {}, "in params.yaml"),
        ({}, {}, {"head": {"ref": "feature", "repo": "ann/credit"}}, FORK),
        ({}, {}, {"user": "dependabot[bot]"}, "it is Dependabot's: comment `@dependabot rebase`"),
        ({".github/workflows/train.yaml": "on: push\n"}, {}, {}, "main has other workflow files"),
        (
            {"data/source.json": "{}"},
            {"data/source.json": BATCHES},
            {},
            "in data/source.json, which names rows that the branch",
        ),
    ],
)
def test_else_the_status_fails_and_the_comment_has_the_commands(
    scene: Scene,
    pipeline: Pipeline,
    main: Mapping[str, str],
    head: Mapping[str, str],
    pull: dict[str, Any],
    reason: str,
) -> None:
    scene.diverge({**MADE, **main}, {**THEIRS, **head})
    scene.pull.update(pull | {"head": scene.pull["head"] | pull.get("head", {})})

    for _ in range(2):
        assert reason in merge_main(pipeline)

    state, description = scene.status() or ("", "")
    assert state == "failure"
    assert description.startswith("conflicts with main: ")
    assert reason[:90] in description
    (text,) = conflict_comments(scene)
    assert f"gh pr checkout {NUMBER}\ngit fetch {scene.github.url}/octo/credit.git main\ngit merge FETCH_HEAD\n" in text
    assert "git checkout --theirs dvc.lock reports/metrics.json" in text
    assert len(scene.github.state["statuses"]) == 1
    assert not scene.github.state["dispatches"]
    assert not scene.github.calls("PATCH", "git/refs")


def test_a_push_that_github_refuses_is_answered_too(scene: Scene, pipeline: Pipeline) -> None:
    scene.diverge(MADE, THEIRS)
    scene.github.misbehave("PATCH", "git/refs", status=403, body={"message": "Resource not accessible by integration"})
    merge_main(pipeline)
    assert (scene.status() or ("", ""))[0] == "failure"
    assert conflict_comments(scene)


def test_a_branch_that_has_moved_is_left_to_its_own_run(scene: Scene, pipeline: Pipeline) -> None:
    scene.diverge(MADE, THEIRS)
    scene.github.state["refs"]["heads/feature"] = scene.base
    assert "the branch has moved" in merge_main(pipeline)
    assert not scene.github.state["dispatches"]


def test_a_conflict_that_ends_without_a_push_says_how_to_go_on(scene: Scene, pipeline: Pipeline) -> None:
    scene.diverge({"README.md": "main\n"}, THEIRS)
    status = {"sha": scene.head, "context": "gate", "state": "failure", "description": "conflicts with main: in a.py"}
    scene.github.state["statuses"].append(status)
    merge_main(pipeline)
    state, description = scene.status() or ("", "")
    assert state == "error"
    assert "close and reopen it" in description


def test_where_github_has_not_found_out_yet_git_decides(scene: Scene, pipeline: Pipeline) -> None:
    scene.diverge(MADE, THEIRS)
    assert pipeline("merge-main", "--wait", "0")[0] == 0
    assert len(scene.github.calls("GET", f"^pulls/{NUMBER}$")) == 1
    assert len(scene.github.state["dispatches"]) == 2


def test_one_that_fails_does_not_stop_the_others(scene: Scene, pipeline: Pipeline) -> None:
    scene.diverge(MADE, THEIRS)
    gone = {"number": 3, "head": {"ref": "gone", "sha": scene.base}}
    scene.github.state["pulls"].insert(0, gone)
    scene.github.misbehave("GET", "^pulls/3$", status=500, times=None)
    code, printed = pipeline("merge-main")
    assert code == 2
    assert "error: pull request 3: GitHub failed" in printed
    assert len(scene.github.state["dispatches"]) == 2
