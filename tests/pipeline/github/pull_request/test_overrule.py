"""Who may overrule the gate, with which reason, for which commit, and what is recorded."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.github.pull_request import overrides
from pipeline.review.gate.override import LABEL, Override
from tests.pipeline.github.conftest import NUMBER, Pipeline, Scene
from tests.pipeline.github.hub import BOT

pytestmark = pytest.mark.engine

MAINTAINER, AUTHOR, COMMITTER, READER = "carol", "alice", "someone", "bob"  # `someone` wrote each commit
ANSWER = ("comment.yaml", {"pull_request": str(NUMBER), "head": "octo/credit:feature"})
SUCCESS = "overruled by carol: the data are new"


@pytest.fixture(autouse=True)
def people(scene: Scene) -> None:
    scene.pull.update(user=AUTHOR, labels=[LABEL])
    scene.github.state["permissions"] = {AUTHOR: "write", MAINTAINER: "maintain", COMMITTER: "admin", READER: "read"}


def comment(scene: Scene, person: str, text: str) -> None:
    data = {"issue": NUMBER, "user": {"login": person, "type": "User"}, "body": text}
    scene.github.hub.update({"comments": [*scene.github.state["comments"], data]})


def overrule(scene: Scene, pipeline: Pipeline, person: str = MAINTAINER, *more: str) -> tuple[int, str]:
    head = scene.pull["head"]["sha"]
    dispatched = {"event": "workflow_dispatch", "head_branch": "main", "head_sha": scene.base} if more else {}
    scene.run_override(person, head, **dispatched)
    call = ["--pull-request", str(NUMBER), "--by", person, "--commit", head, *more]
    code, printed = pipeline("overrule", *call)
    assert "Traceback" not in printed
    return code, printed


def refusal(scene: Scene, pipeline: Pipeline, person: str, *more: str) -> str:
    code, printed = overrule(scene, pipeline, person, *more)
    assert (code, printed.count("\n")) == (2, 1)
    assert overrides.active(NUMBER, {scene.head}) is None
    return printed


def set_gate_overrule(scene: Scene, value: str) -> None:
    path = scene.checkout / "params.yaml"
    path.write_text(path.read_text().replace("overrule: another", f"overrule: {value}"))


def dispatches(scene: Scene) -> list[tuple[str, Any]]:
    return [(call["workflow"], call["inputs"]) for call in scene.github.state["dispatches"]]


def test_an_override_is_recorded_as_data_and_the_pull_request_answered_again(scene: Scene, pipeline: Pipeline) -> None:
    assert overrule(scene, pipeline, MAINTAINER, "--reason", "the data\nare  new")[0] == 0
    override = overrides.active(NUMBER, {scene.head})
    assert override is not None
    assert (override.by, override.commit, override.reason) == (MAINTAINER, scene.head, "the data are new")
    assert override.at.utcoffset() is not None
    assert dispatches(scene) == [ANSWER]
    assert scene.status() == ("pending", SUCCESS)  # there is a run, whose answer sets the final status


def test_a_commit_that_nothing_has_measured_is_green_at_once(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["runs"] = []
    assert overrule(scene, pipeline, MAINTAINER, "--reason", "the data are new")[0] == 0
    assert scene.status() == ("success", SUCCESS)


def test_its_comment_shows_the_reason_as_text_and_notifies_nobody(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "--> @everyone <script>")
    body = scene.github.state["comments"][-1]["body"]
    first, _, visible = body.partition("\n")
    assert first.count("-->") == 1
    assert first.endswith("} -->")
    assert "@everyone" not in visible
    assert "<script>" not in visible
    assert overrides.active(NUMBER, {scene.head}).reason == "--> @everyone <script>"  # type: ignore[union-attr]


def test_an_override_of_this_format_stays_readable() -> None:
    line = (
        '{"format":1,"by":"carol","at":"2026-11-28T05:00:00Z","commit":"' + "a" * 40 + '","reason":"the data are new"}'
    )
    override = Override.model_validate_json(line)
    assert overrides.render(override).startswith(f"<!-- pipeline-override {line} -->\n")
    assert json.loads(override.model_dump_json(exclude_none=True)) == json.loads(line)


def test_by_the_label_the_reason_is_the_newest_comment_of_that_person(scene: Scene, pipeline: Pipeline) -> None:
    comment(scene, MAINTAINER, "Override: an old reason")
    comment(scene, MAINTAINER, "override:  the data are new")
    comment(scene, AUTHOR, "Override: please")
    comment(scene, MAINTAINER, "I do not say Override: here")
    assert overrule(scene, pipeline)[0] == 0
    assert overrides.active(NUMBER, {scene.head}).reason == "the data are new"  # type: ignore[union-attr]


def test_by_the_label_without_a_reason_a_comment_says_how_to_give_one(scene: Scene, pipeline: Pipeline) -> None:
    assert "comment `Override: why`" in refusal(scene, pipeline, MAINTAINER)
    reply = scene.github.state["comments"][-1]
    assert reply["user"] == BOT
    assert "carol gave no reason" in reply["body"]
    assert scene.status() is None


def test_a_reason_counts_for_one_override(scene: Scene, pipeline: Pipeline) -> None:
    comment(scene, MAINTAINER, "Override: the data are new")
    assert overrule(scene, pipeline)[0] == 0
    assert "gave no reason" in refusal(scene, pipeline, MAINTAINER)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_started_workflow_needs_a_reason_too(scene: Scene, pipeline: Pipeline, reason: str) -> None:
    comment(scene, MAINTAINER, "Override: this is for the label")
    assert "gave no reason" in refusal(scene, pipeline, MAINTAINER, "--reason", reason)


@pytest.mark.parametrize(
    ("person", "message"),
    [
        (AUTHOR, "@alice opened this pull request; somebody else"),
        (COMMITTER, "@someone wrote "),
        ("SomeOne", "has the permission 'none'"),
        (READER, "@bob has the permission 'read'"),
        ("stranger", "@stranger has the permission 'none'"),
    ],
)
def test_authors_and_people_without_write_permission_are_refused(
    scene: Scene, pipeline: Pipeline, person: str, message: str
) -> None:
    assert message in refusal(scene, pipeline, person, "--reason", "x")


def test_logins_are_compared_without_case(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["permissions"]["ALICE"] = "write"
    assert "opened this pull request" in refusal(scene, pipeline, "ALICE", "--reason", "x")


@pytest.mark.parametrize("address", ["carol@users.noreply.github.com", "123+Carol@users.noreply.github.com"])
def test_a_co_author_is_refused(scene: Scene, pipeline: Pipeline, address: str) -> None:
    scene.push({"src/project/x.py": "x = 1\n"}, f"Together\n\nCo-authored-by: Carol C <{address}>")
    assert "@carol wrote " in refusal(scene, pipeline, MAINTAINER, "--reason", "x")


def test_the_committer_of_anothers_work_is_refused(scene: Scene, pipeline: Pipeline) -> None:
    commit = scene.github.hub.git.commit(scene.head)
    commit["committer"] = {"login": MAINTAINER, "type": "User"}
    assert "@carol wrote " in refusal(scene, pipeline, MAINTAINER, "--reason", "x")


@pytest.mark.parametrize(("committer", "code"), [("web-flow", 0), (MAINTAINER, 2)])
def test_a_merge_of_main_that_github_made_is_nobodys_work(
    scene: Scene, pipeline: Pipeline, committer: str, code: int
) -> None:
    commit = scene.github.hub.git.commit(scene.head)
    commit["author"] = {"login": MAINTAINER, "type": "User"}
    commit["committer"] = {"login": committer, "type": "User"}
    commit["parents"] = [*commit["parents"], scene.base]
    assert overrule(scene, pipeline, MAINTAINER, "--reason", "x")[0] == code


@pytest.mark.parametrize("person", [AUTHOR, COMMITTER, MAINTAINER])
def test_a_repository_of_one_person_does_not_lock_itself_out(scene: Scene, pipeline: Pipeline, person: str) -> None:
    set_gate_overrule(scene, "anyone")
    assert overrule(scene, pipeline, person, "--reason", "x")[0] == 0


def test_anyone_still_needs_write_permission_and_a_reason(scene: Scene, pipeline: Pipeline) -> None:
    set_gate_overrule(scene, "anyone")
    assert "permission 'read'" in refusal(scene, pipeline, READER, "--reason", "x")
    assert "gave no reason" in refusal(scene, pipeline, AUTHOR)


def test_the_pull_requests_own_setting_does_not_count(scene: Scene, pipeline: Pipeline) -> None:
    loose = (scene.checkout / "params.yaml").read_text().replace("overrule: another", "overrule: anyone")
    scene.head = scene.push({"params.yaml": loose}, "Let me")
    assert "opened this pull request" in refusal(scene, pipeline, AUTHOR, "--reason", "x")


def test_only_the_head_that_the_person_named_is_overruled(scene: Scene, pipeline: Pipeline) -> None:
    old = scene.head
    scene.head = scene.push({"src/project/features.py": "evil = 1\n"}, "Once more")
    call = ("overrule", "--pull-request", str(NUMBER), "--by", MAINTAINER, "--reason", "x", "--commit")
    scene.run_override(MAINTAINER, scene.head)
    short = "is not a full commit hash"
    for commit, message in ((old, "its head is"), (scene.head[:12], short), ("", short)):
        code, printed = pipeline(*call, commit)
        assert (code, message in printed) == (2, True)
    assert overrides.active(NUMBER, {old, scene.head}) is None
    assert pipeline(*call, scene.head)[0] == 0
    assert overrides.active(NUMBER, {scene.head})


def test_a_started_workflow_sets_the_label(scene: Scene, pipeline: Pipeline) -> None:
    scene.pull["labels"] = []
    assert overrule(scene, pipeline, MAINTAINER, "--reason", "x")[0] == 0
    assert scene.pull["labels"] == [LABEL]


@pytest.mark.parametrize("change", [{"state": "closed"}, {"base": {"ref": "feature"}}])
def test_where_there_is_no_gate_nothing_is_overruled(scene: Scene, pipeline: Pipeline, change: Any) -> None:
    scene.pull.update(change)
    assert "there is no gate to overrule" in refusal(scene, pipeline, MAINTAINER, "--reason", "x")


def test_an_override_is_withdrawn_by_removing_the_label(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    scene.pull["labels"] = []
    assert overrule(scene, pipeline, AUTHOR, "--withdraw")[0] == 0
    assert scene.status() == ("pending", "the override was withdrawn")
    assert dispatches(scene) == [ANSWER, ANSWER]
    scene.pull["labels"] = [LABEL]  # whoever set it again: a new override is needed
    assert overrides.active(NUMBER, {scene.head}) is None
    assert "Withdrawn 20" in scene.github.state["comments"][-1]["body"]


def test_a_label_that_is_set_again_without_permission_ends_the_earlier_override(
    scene: Scene, pipeline: Pipeline
) -> None:
    """GitHub keeps one waiting run of a group, so the run for removing the label may have been dropped."""
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    refusal(scene, pipeline, AUTHOR)
    assert scene.status() == ("pending", "the override was withdrawn")
    assert dispatches(scene) == [ANSWER, ANSWER]


def test_a_workflow_that_is_started_without_permission_ends_nothing(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    assert overrule(scene, pipeline, AUTHOR, "--reason", "y")[0] == 2
    assert overrides.active(NUMBER, {scene.head})
    assert len(dispatches(scene)) == 1


def test_a_permission_that_the_job_lacks_is_named_and_nothing_is_recorded(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.misbehave("POST", "labels", status=403, times=None)
    code, printed = overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    assert (code, "give the job `pull-requests: write`" in printed) == (2, True)
    assert overrides.active(NUMBER, {scene.head}) is None


def test_a_damaged_record_does_not_count(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    comment = scene.github.state["comments"][-1]
    comment["body"] = comment["body"].replace(scene.head, "HEAD")
    assert overrides.active(NUMBER, {scene.head}) is None


def test_after_its_record_is_deleted_the_status_alone_does_not_count(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    scene.github.state["comments"].clear()
    assert overrides.active(NUMBER, {scene.head}) is None


def test_the_allowed_values_of_the_parameter_are_named(tmp_path: Path, scene: Scene, pipeline: Pipeline) -> None:
    set_gate_overrule(scene, "nobody")
    code, printed = overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    assert code == 2
    assert "gate.overrule: is 'nobody'; allowed: 'another' or 'anyone'" in printed
