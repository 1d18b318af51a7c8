"""One comment, whether CML or gh posts it, and whatever goes wrong."""

import json
import os
from typing import Any

import pytest

from pipeline.core.errors import PipelineError
from pipeline.github.client import api, cml, posting
from pipeline.github.client.posting import Marker
from pipeline.github.client.pulls import NothingToDoError
from tests.pipeline.github.conftest import BOT, NUMBER, Scene

pytestmark = pytest.mark.engine

HEAD = "a" * 40
MARKER = Marker(50, 1, HEAD, "final")


def cml_calls(scene: Scene) -> list[dict[str, Any]]:
    """The calls of the stand-in CML."""
    log = scene.checkout.parent / "cml.log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_cml_posts_the_first_comment_without_telemetry_and_in_a_home_of_its_own(scene: Scene) -> None:
    url = posting.post(NUMBER, MARKER, "text")
    (comment,), (call,) = scene.comments(), cml_calls(scene)
    assert comment["body"].startswith(f"{MARKER}\ntext\n\n<!-- ")
    assert cml.pattern().search(comment["body"])
    assert "-->" not in comment["body"].partition("text")[2]  # the watermark stays in the HTML comment
    assert url.endswith(f"#issuecomment-{comment['id']}")
    assert call["arguments"][:2] == ["comment", "create"]
    assert "--publish=false" in call["arguments"]
    assert call["environment"]["ITERATIVE_DO_NOT_TRACK"] == "1"
    assert call["environment"]["HOME"] != os.environ["HOME"]


def test_a_second_answer_updates_the_comment(scene: Scene) -> None:
    first = posting.post(NUMBER, Marker(50, 1, HEAD, "waiting"), "wait")
    assert posting.post(NUMBER, MARKER, "text") == first
    (comment,) = scene.comments()
    assert comment["body"].startswith(f"{MARKER}\ntext\n")
    assert [call["arguments"][1] for call in cml_calls(scene)] == ["create", "update"]


def test_after_45_earlier_comments_the_bots_comment_is_still_found(scene: Scene) -> None:
    scene.add_comments(45)
    first = posting.post(NUMBER, Marker(50, 1, HEAD, "waiting"), "wait")
    assert posting.post(NUMBER, MARKER, "text") == first
    assert len(scene.comments()) == 1
    assert len(cml_calls(scene)) == 1  # CML's update would have posted a second one


def test_after_more_than_a_page_of_comments_the_bots_comment_is_still_found(scene: Scene) -> None:
    scene.add_comments(230)
    first = posting.post(NUMBER, Marker(50, 1, HEAD, "waiting"), "wait")
    assert posting.post(NUMBER, MARKER, "text") == first


@pytest.mark.parametrize("mode", ["missing", "fail", "late", "lie", "hang"])
def test_whatever_cml_does_the_comment_is_posted_once(scene: Scene, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    if mode == "missing":
        (scene.checkout.parent / "bin/cml").unlink()
    monkeypatch.setenv("CML_STANDIN_MODE", mode)
    if mode == "hang":
        monkeypatch.setattr(cml, "TIMEOUT", 1)
    first = posting.post(NUMBER, Marker(50, 1, HEAD, "waiting"), "wait")
    assert posting.post(NUMBER, MARKER, "text") == first
    (comment,) = scene.comments()
    assert comment["body"].startswith(f"{MARKER}\ntext\n")
    assert cml.pattern().search(comment["body"])


def test_a_comment_with_a_marker_that_a_person_wrote_is_not_the_bots(scene: Scene) -> None:
    planted = {"issue": NUMBER, "body": f"{Marker(99, 1, HEAD, 'final')}\n{cml.watermark(HEAD)}"}
    scene.github.hub.update({"comments": [planted]})
    posting.post(NUMBER, Marker(50, 1, HEAD, "waiting"), "wait")
    posting.post(NUMBER, MARKER, "text")
    other, report = scene.github.state["comments"]
    assert other["body"] == planted["body"]
    assert report["body"].startswith(str(MARKER))


def test_a_comment_of_another_bot_is_not_ours(scene: Scene) -> None:
    other = {"issue": NUMBER, "user": {"login": "team-bot", "type": "Bot"}, "body": f"{Marker(9, 1, HEAD, 'final')}\n"}
    scene.github.hub.update({"comments": [other]})
    assert posting.find_comment(NUMBER) is None


@pytest.mark.parametrize(
    "earlier",
    [Marker(51, 1, HEAD, "waiting"), Marker(50, 2, HEAD, "waiting"), Marker(51, 1, "b" * 40, "final")],
)
def test_a_newer_run_is_never_overwritten(scene: Scene, earlier: Marker) -> None:
    posting.post(NUMBER, earlier, "newer")
    with pytest.raises(NothingToDoError, match="answered already"):
        posting.post(NUMBER, MARKER, "text")
    assert "newer" in scene.comments()[0]["body"]


def test_an_announcement_never_replaces_the_answer_of_the_same_run(scene: Scene) -> None:
    posting.post(NUMBER, MARKER, "text")
    with pytest.raises(NothingToDoError):
        posting.post(NUMBER, Marker(50, 1, HEAD, "waiting"), "wait")


def test_an_announcement_of_a_newer_run_replaces_an_older_answer(scene: Scene) -> None:
    posting.post(NUMBER, MARKER, "text")
    posting.post(NUMBER, Marker(51, 1, HEAD, "waiting"), "wait")
    assert len(scene.comments()) == 1


@pytest.mark.parametrize("done", [False, True])
def test_an_error_that_leaves_open_whether_it_was_posted_makes_no_second_comment(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    monkeypatch.setenv("CML_STANDIN_MODE", "fail")
    scene.github.misbehave("POST", "comments", status=502, done=done)
    posting.post(NUMBER, MARKER, "text")
    assert len(scene.comments()) == 1


def test_after_three_bad_gateways_the_call_is_tried_again(scene: Scene) -> None:
    scene.github.misbehave("GET", "comments", status=502, times=3)
    posting.post(NUMBER, MARKER, "text")
    assert len(scene.comments()) == 1


def test_a_server_that_keeps_failing_ends_in_one_line(scene: Scene) -> None:
    scene.github.misbehave("GET", "comments", status=502, times=None)
    with pytest.raises(PipelineError, match="GitHub failed: could not read the comments") as caught:
        posting.post(NUMBER, MARKER, "text")
    assert "\n" not in str(caught.value)
    assert len(scene.github.calls("GET", "comments")) == 4


def test_a_body_that_github_refuses_is_reported_and_linked(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    posting.post(NUMBER, MARKER, "x" * 70_000)
    assert "422 Validation Failed: body is too long" in capsys.readouterr().err
    (comment,) = scene.comments()
    assert "it is the summary of [this job]" in comment["body"]
    assert comment["body"].startswith(str(MARKER))


def test_where_github_refuses_every_comment_the_error_has_its_reason(scene: Scene) -> None:
    scene.github.misbehave("POST", "comments", status=422, body={"message": "Validation Failed"}, times=None)
    with pytest.raises(PipelineError, match="refused to post the comment .*422 Validation Failed"):
        posting.post(NUMBER, MARKER, "text")


def test_after_a_secondary_rate_limit_the_call_is_tried_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CML_STANDIN_MODE", "fail")
    body = {"message": "You have exceeded a secondary rate limit"}
    scene.github.misbehave("POST", "comments", status=403, headers={"retry-after": "0"}, body=body)
    posting.post(NUMBER, MARKER, "text")
    assert len(scene.comments()) == 1


def test_a_rate_limit_of_minutes_is_not_waited_for(scene: Scene) -> None:
    scene.github.misbehave("GET", "comments", status=429, headers={"retry-after": "600"}, times=None)
    with pytest.raises(PipelineError, match="run the job again"):
        posting.find_comment(NUMBER)
    assert len(scene.github.calls("GET", "comments")) == 1


def test_a_server_that_is_too_slow_is_an_error(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "TIMEOUT", 0.5)
    scene.github.misbehave("GET", "comments", slow=5, times=None)
    with pytest.raises(PipelineError, match="no response within"):
        posting.find_comment(NUMBER)


def test_where_a_person_copied_the_watermark_cml_is_not_used(scene: Scene) -> None:
    first = posting.post(NUMBER, Marker(50, 1, HEAD, "waiting"), "wait")
    scene.github.hub.update(
        {"comments": [*scene.github.state["comments"], {"issue": NUMBER, "body": cml.watermark(HEAD)}]}
    )
    assert posting.post(NUMBER, MARKER, "text") == first
    assert [call["arguments"][1] for call in cml_calls(scene)] == ["create"]
    assert len([data for data in scene.github.state["comments"] if data["user"] == BOT]) == 1
