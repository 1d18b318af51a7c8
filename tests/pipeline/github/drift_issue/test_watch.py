"""One issue for an alarm, from its opening to its closing, whatever people and GitHub do meanwhile."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.github.client import cml
from tests.pipeline.github.conftest import BOT, Pipeline, Scene
from tests.pipeline.github.drift_issue.watching import DAY, FOLDER, START, Watch, result

pytestmark = pytest.mark.engine


@pytest.fixture
def watch(scene: Scene, pipeline: Pipeline) -> Watch:
    return Watch(scene, pipeline)


def test_without_an_alarm_nothing_is_opened(watch: Watch) -> None:
    assert "no signal alarms" in watch(result(3))
    assert watch.issues == []
    assert watch.dispatches == []


def test_three_runs_with_the_same_alarm_are_one_issue_one_report_and_one_retraining(watch: Watch) -> None:
    for day in (3, 4, 5):
        watch(result(day, "data_drift", "volume"))
    (issue,) = watch.issues
    (comment,) = watch.scene.comments()
    assert issue["title"] == "Monitor: data drift, volume"
    assert issue["labels"] == ["monitor", "drift"]
    assert issue["body"].startswith("<!-- pipeline-monitor kind=drift -->\n")
    assert "**Data drift, volume:** for 4 days, since 2026-11-02 00:00 UTC." in issue["body"]
    assert "/actions/runs/103" in issue["body"]
    assert comment["issue"] == issue["number"]
    assert "report of 2026-11-06" in comment["body"]
    assert cml.pattern().search(comment["body"])
    assert [data["inputs"] for data in watch.dispatches] == [{"issue": str(issue["number"])}]
    assert watch.dispatches[0]["workflow"] == "retrain.yaml"


def test_cml_posts_the_report_on_the_issue(watch: Watch) -> None:
    watch(result(3, "latency"))
    watch(result(4, "latency"))
    log = (watch.scene.checkout.parent / "cml.log").read_text(encoding="utf-8")
    calls = [json.loads(line)["arguments"] for line in log.splitlines()]
    assert [call[1] for call in calls] == ["create", "update"]
    assert all(f"--target=issue/{watch.issues[0]['number']}" in call for call in calls)


def test_mentions_and_tags_in_names_stay_text(watch: Watch) -> None:
    watch(result(3, "missing"))
    body = watch.issues[0]["body"]
    assert "@everyone" not in body
    assert "<b>" not in body


def test_changes_are_listed_and_a_new_signal_starts_retraining_again(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch(result(4, "data_drift", "performance"))
    watch(result(5, "performance"))
    (issue,) = watch.issues
    events = [line for line in issue["body"].splitlines() if line.startswith("- ")]
    assert issue["title"] == "Monitor: performance"
    assert [re.sub("^- .* UTC: ", "", event) for event in events] == [
        "opened: data drift alarms",
        "retraining was started",
        "performance alarms",
        "retraining was started",
        "data drift recovered",
    ]
    assert len(watch.dispatches) == 2


def test_labels_that_come_later_start_retraining_again(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch(result(4, "data_drift", labels=900))
    watch(result(5, "data_drift", labels=1800))
    assert len(watch.dispatches) == 3
    watch(result(6, "data_drift", labels=1800))
    assert len(watch.dispatches) == 3


def test_signals_that_retraining_does_not_change_start_none(watch: Watch) -> None:
    watch(result(3, "latency", "volume"))
    assert watch.dispatches == []
    assert "retraining helps with none of these" in watch.issues[0]["body"]


def test_recovery_closes_the_issue_and_the_next_alarm_is_a_new_one(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch(result(4, data_drift="lasting"))
    assert len(watch.open) == 1
    assert "recovering" in watch.open[0]["body"]
    watch(result(5, data_drift="watching"))
    (issue,) = watch.issues
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert "**Closed:** the signals recovered" in issue["body"]
    assert "report of 2026-11-06" in watch.scene.comments()[0]["body"]
    watch(result(6))
    watch(result(9, "data_drift", since=7))
    assert [data["number"] for data in watch.open] == [watch.issues[1]["number"]]


def test_too_few_rows_open_and_close_nothing(watch: Watch) -> None:
    assert "too few rows" in watch(result(3, few=True))
    assert watch.issues == []
    watch(result(4, "data_drift"))
    watch(result(5, few=True))
    assert len(watch.open) == 1
    assert "too few rows to judge" in watch.open[0]["body"]


def test_while_a_pull_request_of_retraining_is_open_no_other_is_started(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch.add_retraining(issue=watch.issues[0]["number"])
    watch(result(4, "data_drift", labels=900))
    assert len(watch.dispatches) == 1
    assert "#40 adds the newly labelled rows" in watch.issues[0]["body"]


def test_one_that_is_open_for_another_issue_does_not_keep_retraining_from_being_started(watch: Watch) -> None:
    watch.add_retraining(issue=1)
    watch(result(3, "data_drift"))
    assert len(watch.dispatches) == 1


def test_retraining_that_a_person_refused_is_not_started_again(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch.add_retraining(issue=watch.issues[0]["number"])
    watch.scene.github.state["pulls"][-1]["state"] = "closed"
    watch(result(4, "data_drift", labels=900))
    assert len(watch.dispatches) == 1
    assert "#40 was closed without being merged. To go on, reopen it, or start" in watch.issues[0]["body"]


def test_a_reference_that_contains_the_drift_is_no_recovery_of_the_served_model(watch: Watch) -> None:
    """After the merge and before the release, windows are compared with rows that the served model did not learn."""
    watch(result(3, "data_drift"))
    watch.add_retraining(issue=watch.issues[0]["number"], merged=watch.scene.base)
    watch(result(4))
    assert len(watch.open) == 1
    assert "is merged; this issue is closed when its model is in production" in watch.issues[0]["body"]
    watch.deploy(watch.scene.base, START + 5 * DAY)
    watch(result(6))
    assert watch.open == []


def test_a_branch_of_that_name_in_a_fork_is_no_retraining(watch: Watch) -> None:
    watch.add_retraining(issue=1)["head"]["repo"] = "mallory/credit"
    watch(result(3, "data_drift"))
    assert len(watch.dispatches) == 1


def test_the_issue_is_closed_when_the_retrained_model_is_in_production_and_not_before(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    number = watch.issues[0]["number"]
    watch.add_retraining(number, merged=watch.scene.head)
    watch.deploy(watch.scene.base, START)
    watch.deploy(watch.scene.head, START + 4 * DAY, "in_progress", "failure")
    watch(result(4, "data_drift"))
    assert "#40 is merged; this issue is closed when its model is in production" in watch.open[0]["body"]
    watch.deploy(watch.scene.head, START + 5 * DAY, "in_progress", "success", "inactive")
    assert f"closed #{number}: the model that #40 retrained is in production" in watch(result(5, "data_drift"))
    assert watch.open == []
    assert len(watch.dispatches) == 1


def test_windows_before_that_release_open_no_new_issue_and_later_ones_do(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch.add_retraining(watch.issues[0]["number"], merged=watch.scene.head)
    watch.deploy(watch.scene.head, START + 4 * DAY + timedelta(hours=6))
    watch(result(4, "data_drift"))
    assert "no window since then alarms" in watch(result(5, "data_drift"))
    assert watch.open == []
    watch(result(6, "data_drift"))
    assert len(watch.open) == 1
    assert len(watch.issues) == 2


def test_a_retraining_for_another_issue_closes_nothing(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch.add_retraining(watch.issues[0]["number"] * 10 + 1, merged=watch.scene.head)
    watch.deploy(watch.scene.head, START)
    watch(result(4, "data_drift"))
    assert len(watch.open) == 1


def test_an_issue_that_a_person_closed_stays_closed_until_another_signal_alarms(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch.issues[0]["state"] = "closed"
    assert "was closed by hand and no other signal alarms" in watch(result(4, "data_drift"))
    assert watch.open == []
    watch(result(5, "data_drift", "latency"))
    (issue,) = watch.issues
    assert issue["state"] == "open"
    assert "opened again: latency alarms" in issue["body"]


def test_an_issue_that_a_person_closed_makes_way_for_a_new_one_after_recovery(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch.issues[0]["state"] = "closed"
    watch(result(4))
    watch(result(7, "data_drift", since=5))
    assert [issue["state"] for issue in watch.issues] == ["closed", "open"]


def test_an_issue_that_a_person_reopened_stays_open_until_something_has_alarmed(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch(result(4))
    watch.issues[0]["state"] = "open"
    watch(result(5))
    assert len(watch.open) == 1
    watch(result(6, "volume"))
    watch(result(7))
    assert [issue["state"] for issue in watch.issues] == ["closed"]


def test_a_lost_response_opens_no_second_issue(watch: Watch) -> None:
    watch.scene.github.misbehave("POST", "^issues$", status=502, done=True)
    watch(result(3, "data_drift"))
    assert len(watch.issues) == 1
    assert len(watch.dispatches) == 1


def test_of_two_issues_opened_at_once_the_older_one_stays(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    other = watch.issues[0] | {"number": 1}
    watch.issues[0]["state"] = "closed"
    watch.issues[0]["body"] = watch.issues[0]["body"].replace('"closed":null', '"closed":"recovered"')
    routes = watch.scene.github.hub.routes
    index = next(index for index, route in enumerate(routes) if route[:2] == ("POST", "issues"))
    method, path, create = routes[index]

    def create_second(hub, *rest):  # type: ignore[no-untyped-def]
        hub.state["issues"].append(other)
        return create(hub, *rest)

    routes[index] = (method, path, create_second)
    watch(result(6, "data_drift", since=5))
    assert [issue["number"] for issue in watch.open] == [1]
    assert watch.issues[-1]["body"] == "A duplicate of #1."


def test_an_issue_that_a_stranger_wrote_is_not_ours(watch: Watch) -> None:
    planted = {
        "number": 3,
        "title": "x",
        "state": "open",
        "labels": ["monitor"],
        "user": {"login": "m", "type": "User"},
    }
    watch.issues.append(planted | {"body": "<!-- pipeline-monitor kind=drift -->\nmine"})
    watch(result(3, "data_drift"))
    assert planted["state"] == "open"
    assert [issue["user"] for issue in watch.issues][1:] == [BOT]


def test_a_body_whose_state_was_edited_away_is_written_anew(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    watch.issues[0]["body"] = "<!-- pipeline-monitor kind=drift -->\r\nmine"
    watch(result(4, "data_drift"))
    assert len(watch.issues) == 1
    assert "since 2026-11-02" in watch.issues[0]["body"]


def test_retraining_that_is_switched_off_is_reported_and_nothing_fails(watch: Watch) -> None:
    watch.scene.github.misbehave("POST", "dispatches", status=404, times=None)
    watch(result(3, "data_drift"))
    assert "`retrain.yaml` does not exist or is switched off" in watch.issues[0]["body"]


def test_a_missing_permission_is_named_after_the_issue_and_report_are_written(watch: Watch) -> None:
    body = {"message": "Resource not accessible by integration"}
    watch.scene.github.misbehave("POST", "dispatches", status=403, body=body, times=None)
    assert "give the job `actions: write`" in watch(result(3, "data_drift"), code=2)
    assert len(watch.open) == 1
    assert len(watch.scene.comments()) == 1


def test_the_people_of_codeowners_are_assigned(watch: Watch) -> None:
    Path(".github").mkdir()
    owners = "# us\n* @ann @octo/team ann@example.org\n/docs @writer\n* @bea @octo/team @carl\n"
    Path(".github/CODEOWNERS").write_text(owners, encoding="utf-8")
    watch(result(3, "data_drift"))
    assert watch.issues[0]["assignees"] == ["bea", "carl"]


def test_an_assignee_that_github_refuses_does_not_keep_the_issue_from_being_opened(watch: Watch) -> None:
    Path("CODEOWNERS").write_text("* @gone\n", encoding="utf-8")
    watch.scene.github.misbehave("POST", "^issues$", status=422, body={"message": "Validation Failed"})
    assert "nobody was assigned" in watch(result(3, "data_drift"))
    assert len(watch.open) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [("{", "damaged"), ('{"state": "fine"}', "damaged"), ("[]", "damaged"), (None, "no such file")],
)
def test_a_damaged_result_is_one_line(watch: Watch, content: str | None, problem: str) -> None:
    FOLDER.mkdir(parents=True)
    if content is not None:
        (FOLDER / "monitor.json").write_text(content, encoding="utf-8")
    code, printed = watch.pipeline("watch")
    assert code == 2
    assert re.fullmatch(rf"error: reports/monitor/monitor.json.*{problem}.*\n", printed)
    assert watch.scene.github.calls("POST") == []
