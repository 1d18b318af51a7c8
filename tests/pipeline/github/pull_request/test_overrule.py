"""Who may overrule the gate, with which reason, for which commit, and what is left of it as data."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.github.pull_request import overrides
from pipeline.review.gate.override import Override
from tests.pipeline.github.conftest import NUMBER, Pipeline, Scene
from tests.pipeline.github.hub import BOT

pytestmark = pytest.mark.engine

MAINTAINER, AUTHOR, COMMITTER, READER = "carol", "alice", "someone", "bob"  # `someone` wrote each commit
ANSWER = ("comment.yaml", {"pull_request": str(NUMBER), "head": "octo/credit:feature"})
SUCCESS = "overruled by carol: the data are new"


@pytest.fixture(autouse=True)
def people(scene: Scene) -> None:
    scene.pull.update(user=AUTHOR, labels=[overrides.LABEL])
    scene.github.state["permissions"] = {AUTHOR: "write", MAINTAINER: "maintain", COMMITTER: "admin", READER: "read"}


def say(scene: Scene, person: str, text: str) -> None:
    comment = {"issue": NUMBER, "user": {"login": person, "type": "User"}, "body": text}
    scene.github.hub.update({"comments": [*scene.github.state["comments"], comment]})


def overrule(scene: Scene, pipeline: Pipeline, person: str = MAINTAINER, *more: str) -> tuple[int, str]:
    call = ["--pull-request", str(NUMBER), "--by", person, "--commit", scene.pull["head"]["sha"], *more]
    code, printed = pipeline("overrule", *call)
    assert "Traceback" not in printed
    return code, printed


def refused(scene: Scene, pipeline: Pipeline, person: str, *more: str) -> str:
    code, printed = overrule(scene, pipeline, person, *more)
    assert (code, printed.count("\n")) == (2, 1)
    assert overrides.standing(NUMBER, {scene.head}) is None
    return printed


def config(scene: Scene, overrule: str) -> None:
    path = scene.checkout / "params.yaml"
    path.write_text(path.read_text().replace("overrule: another", f"overrule: {overrule}"))


def dispatches(scene: Scene) -> list[tuple[str, Any]]:
    return [(call["workflow"], call["inputs"]) for call in scene.github.state["dispatches"]]


def test_an_override_is_recorded_as_data_and_the_pull_request_answered_again(scene: Scene, pipeline: Pipeline) -> None:
    assert overrule(scene, pipeline, MAINTAINER, "--reason", "the data\nare  new")[0] == 0
    found = overrides.standing(NUMBER, {scene.head})
    assert found is not None
    assert (found.by, found.commit, found.reason) == (MAINTAINER, scene.head, "the data are new")
    assert found.at.utcoffset() is not None
    assert dispatches(scene) == [ANSWER]
    assert scene.status() == ("pending", SUCCESS)  # there is a run: its answer sets the final status


def test_a_commit_that_nothing_has_measured_is_green_at_once(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["runs"] = []
    assert overrule(scene, pipeline, MAINTAINER, "--reason", "the data are new")[0] == 0
    assert scene.status() == ("success", SUCCESS)


def test_the_comment_of_it_is_read_by_people_and_notifies_nobody(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "--> @everyone <script>")
    body = scene.github.state["comments"][-1]["body"]
    first, _, shown = body.partition("\n")
    assert first.count("-->") == 1
    assert first.endswith("} -->")
    assert "@everyone" not in shown
    assert "<script>" not in shown
    assert overrides.standing(NUMBER, {scene.head}).reason == "--> @everyone <script>"  # type: ignore[union-attr]


def test_an_override_of_this_format_stays_readable() -> None:
    line = (
        '{"format":1,"by":"carol","at":"2026-11-28T05:00:00Z","commit":"' + "a" * 40 + '","reason":"the data are new"}'
    )
    found = Override.model_validate_json(line)
    assert overrides.written(found).startswith(f"<!-- pipeline-override {line} -->\n")
    assert json.loads(found.model_dump_json(exclude_none=True)) == json.loads(line)


def test_by_the_label_the_reason_is_the_newest_comment_of_that_person(scene: Scene, pipeline: Pipeline) -> None:
    say(scene, MAINTAINER, "Override: an old reason")
    say(scene, MAINTAINER, "override:  the data are new")
    say(scene, AUTHOR, "Override: please")
    say(scene, MAINTAINER, "I do not say Override: here")
    assert overrule(scene, pipeline)[0] == 0
    assert overrides.standing(NUMBER, {scene.head}).reason == "the data are new"  # type: ignore[union-attr]


def test_by_the_label_without_a_reason_it_is_said_how_to_give_one(scene: Scene, pipeline: Pipeline) -> None:
    assert "comment `Override: why`" in refused(scene, pipeline, MAINTAINER)
    said = scene.github.state["comments"][-1]
    assert said["user"] == BOT
    assert "carol gave no reason" in said["body"]
    assert scene.status() is None


def test_a_reason_serves_one_override(scene: Scene, pipeline: Pipeline) -> None:
    say(scene, MAINTAINER, "Override: the data are new")
    assert overrule(scene, pipeline)[0] == 0
    assert "gave no reason" in refused(scene, pipeline, MAINTAINER)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_started_workflow_needs_a_reason_too(scene: Scene, pipeline: Pipeline, reason: str) -> None:
    say(scene, MAINTAINER, "Override: this is for the label")
    assert "gave no reason" in refused(scene, pipeline, MAINTAINER, "--reason", reason)


@pytest.mark.parametrize(
    ("person", "said"),
    [
        (AUTHOR, "@alice opened this pull request; somebody else"),
        (COMMITTER, "@someone wrote "),
        ("SomeOne", "has the permission 'none'"),
        (READER, "@bob has the permission 'read'"),
        ("stranger", "@stranger has the permission 'none'"),
    ],
)
def test_who_wrote_a_part_or_may_not_write_is_refused(scene: Scene, pipeline: Pipeline, person: str, said: str) -> None:
    assert said in refused(scene, pipeline, person, "--reason", "x")


def test_a_login_is_the_same_in_capitals(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.state["permissions"]["ALICE"] = "write"
    assert "opened this pull request" in refused(scene, pipeline, "ALICE", "--reason", "x")


@pytest.mark.parametrize("address", ["carol@users.noreply.github.com", "123+Carol@users.noreply.github.com"])
def test_a_co_author_is_refused(scene: Scene, pipeline: Pipeline, address: str) -> None:
    scene.push({"src/project/x.py": "x = 1\n"}, f"Together\n\nCo-authored-by: Carol C <{address}>")
    assert "@carol wrote " in refused(scene, pipeline, MAINTAINER, "--reason", "x")


def test_who_committed_what_another_wrote_is_refused(scene: Scene, pipeline: Pipeline) -> None:
    known = scene.github.hub.git.commit(scene.head)
    known["committer"] = {"login": MAINTAINER, "type": "User"}
    assert "@carol wrote " in refused(scene, pipeline, MAINTAINER, "--reason", "x")


@pytest.mark.parametrize(("committer", "code"), [("web-flow", 0), (MAINTAINER, 2)])
def test_a_merge_of_main_that_github_made_is_nobodys_work(
    scene: Scene, pipeline: Pipeline, committer: str, code: int
) -> None:
    known = scene.github.hub.git.commit(scene.head)
    known["author"] = {"login": MAINTAINER, "type": "User"}
    known["committer"] = {"login": committer, "type": "User"}
    known["parents"] = [*known["parents"], scene.base]
    assert overrule(scene, pipeline, MAINTAINER, "--reason", "x")[0] == code


@pytest.mark.parametrize("person", [AUTHOR, COMMITTER, MAINTAINER])
def test_a_repository_of_one_person_does_not_lock_itself_out(scene: Scene, pipeline: Pipeline, person: str) -> None:
    config(scene, "anyone")
    assert overrule(scene, pipeline, person, "--reason", "x")[0] == 0


def test_anyone_means_anyone_who_may_write_and_says_why(scene: Scene, pipeline: Pipeline) -> None:
    config(scene, "anyone")
    assert "permission 'read'" in refused(scene, pipeline, READER, "--reason", "x")
    assert "gave no reason" in refused(scene, pipeline, AUTHOR)


def test_the_pull_requests_own_rule_allows_nothing(scene: Scene, pipeline: Pipeline) -> None:
    loose = (scene.checkout / "params.yaml").read_text().replace("overrule: another", "overrule: anyone")
    scene.head = scene.push({"params.yaml": loose}, "Let me")
    assert "opened this pull request" in refused(scene, pipeline, AUTHOR, "--reason", "x")


def test_only_the_head_that_was_looked_at_is_overruled(scene: Scene, pipeline: Pipeline) -> None:
    seen = scene.head
    scene.head = scene.push({"src/project/features.py": "evil = 1\n"}, "Once more")
    call = ("overrule", "--pull-request", str(NUMBER), "--by", MAINTAINER, "--reason", "x", "--commit")
    for commit, said in ((seen, "its head is"), (scene.head[:6], "is no commit"), ("", "is no commit")):
        code, printed = pipeline(*call, commit)
        assert (code, said in printed) == (2, True)
    assert overrides.standing(NUMBER, {seen, scene.head}) is None
    assert pipeline(*call, scene.head[:7])[0] == 0
    assert overrides.standing(NUMBER, {scene.head})


def test_a_started_workflow_puts_the_label_on(scene: Scene, pipeline: Pipeline) -> None:
    scene.pull["labels"] = []
    assert overrule(scene, pipeline, MAINTAINER, "--reason", "x")[0] == 0
    assert scene.pull["labels"] == [overrides.LABEL]


@pytest.mark.parametrize("change", [{"state": "closed"}, {"base": {"ref": "feature"}}])
def test_where_there_is_no_gate_nothing_is_overruled(scene: Scene, pipeline: Pipeline, change: Any) -> None:
    scene.pull.update(change)
    assert "there is no gate to overrule" in refused(scene, pipeline, MAINTAINER, "--reason", "x")


def test_an_override_is_withdrawn_by_taking_the_label_off(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    scene.pull["labels"] = []
    assert overrule(scene, pipeline, AUTHOR, "--withdraw")[0] == 0
    assert scene.status() == ("pending", "the override was taken off")
    assert dispatches(scene) == [ANSWER, ANSWER]
    scene.pull["labels"] = [overrides.LABEL]  # by whomever: it needs a new one
    assert overrides.standing(NUMBER, {scene.head}) is None
    assert "Withdrawn 20" in scene.github.state["comments"][-1]["body"]


def test_a_label_that_is_set_anew_without_the_right_ends_what_stood(scene: Scene, pipeline: Pipeline) -> None:
    """GitHub keeps one waiting run of a group: that of taking the label off may never have come."""
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    refused(scene, pipeline, AUTHOR)
    assert scene.status() == ("pending", "the override was taken off")
    assert dispatches(scene) == [ANSWER, ANSWER]


def test_a_workflow_that_is_started_without_the_right_ends_nothing(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    assert overrule(scene, pipeline, AUTHOR, "--reason", "y")[0] == 2
    assert overrides.standing(NUMBER, {scene.head})
    assert len(dispatches(scene)) == 1


def test_a_right_that_the_job_lacks_is_named_and_nothing_is_recorded(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.misbehave("POST", "labels", status=403, times=None)
    code, printed = overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    assert (code, "give the job `pull-requests: write`" in printed) == (2, True)
    assert overrides.standing(NUMBER, {scene.head}) is None


def test_a_record_that_somebody_has_damaged_records_nothing(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    comment = scene.github.state["comments"][-1]
    comment["body"] = comment["body"].replace(scene.head, "HEAD")
    assert overrides.standing(NUMBER, {scene.head}) is None


def test_a_record_that_somebody_has_deleted_leaves_no_sentence_that_counts(scene: Scene, pipeline: Pipeline) -> None:
    overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    scene.github.state["comments"].clear()
    assert overrides.standing(NUMBER, {scene.head}) is None


def test_parameters_name_who_may(tmp_path: Path, scene: Scene, pipeline: Pipeline) -> None:
    config(scene, "nobody")
    code, printed = overrule(scene, pipeline, MAINTAINER, "--reason", "x")
    assert code == 2
    assert "gate.overrule: is 'nobody'; allowed: 'another' or 'anyone'" in printed
