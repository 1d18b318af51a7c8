"""What the monitor can't read is a warning of its own, and never ends an alarm."""

import pytest

from tests.pipeline.github.conftest import Pipeline, Scene
from tests.pipeline.github.drift_issue.watching import Watch, result

pytestmark = pytest.mark.engine

UNREACHABLE = {"kind": "log", "reason": "s3://bucket/log: <b>can't be reached @everyone; check the address"}


@pytest.fixture
def watch(scene: Scene, pipeline: Pipeline) -> Watch:
    return Watch(scene, pipeline)


def test_a_log_that_cannot_be_read_is_one_warning_until_it_can(watch: Watch) -> None:
    for day in (3, 4, 5):
        watch(result(day, blind=UNREACHABLE))
    (issue,) = watch.issues
    assert issue["title"] == "Monitor: the prediction log can't be read"
    assert issue["labels"] == ["monitor"]
    assert "for 2 days, since 2026-11-04" in issue["body"]
    assert "@everyone" not in issue["body"]
    assert "can be read again: closed" in watch(result(6))
    assert watch.open == []
    watch(result(7, blind=UNREACHABLE))
    assert len(watch.issues) == 2


def test_each_kind_of_input_has_a_warning_of_its_own(watch: Watch) -> None:
    watch(result(3, blind=UNREACHABLE))
    watch(result(4, blind={"kind": "reference", "reason": "damaged"}))
    assert len(watch.open) == 2
    watch(result(5, few=True))
    assert watch.open == []


def test_without_the_labels_drift_is_checked_and_a_performance_alarm_has_not_recovered(watch: Watch) -> None:
    unlabelled = {"kind": "labels", "reason": "s3://bucket/labels.csv: can't be reached"}
    watch(result(3, blind=UNREACHABLE))
    watch(result(4, "performance"))
    watch(result(5, "data_drift", performance="not_enough_data", blind=unlabelled))
    drift, warning = watch.open
    assert drift["title"] == "Monitor: data drift, performance"
    assert warning["title"] == "Monitor: the labels can't be read"
    assert "performance was not judged for" in warning["body"]
    assert "Drift was not checked" not in warning["body"]
    watch(result(6, performance="not_enough_data", blind=unlabelled))
    assert watch.open == [drift, warning]
    watch(result(7))
    assert watch.open == []


def test_a_monitor_that_can_read_nothing_leaves_the_alarm_as_it_is(watch: Watch) -> None:
    watch(result(3, "data_drift"))
    before = watch.issues[0] | {}
    assert "the issue stays as it is" in watch(result(4, blind=UNREACHABLE))
    assert watch.issues[0] == before
    assert len(watch.open) == 2


def test_a_warning_that_a_person_closed_stays_closed_until_the_next_time(watch: Watch) -> None:
    watch(result(3, blind=UNREACHABLE))
    watch.issues[0]["state"] = "closed"
    assert "stays closed" in watch(result(4, blind=UNREACHABLE))
    assert watch.open == []
    watch(result(5))
    watch(result(6, blind=UNREACHABLE))
    assert [issue["state"] for issue in watch.issues] == ["closed", "open"]
