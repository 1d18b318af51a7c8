"""k of the last n judged windows and the latest: an alarm; otherwise not."""

from datetime import timedelta

import pytest

from pipeline.watch.monitor.alarm import Rule, standing
from pipeline.watch.monitor.signals import Found
from tests.pipeline.watch.monitor.factories import DAY, START

RULE = Rule(windows=5, alarm=3)
SAID = {"x": True, ".": False, "?": None}


def stand(windows: str, name: str = "data_drift", rule: Rule = RULE) -> tuple[str, int | None]:
    """The state, and the place of the window since which it is beyond; x beyond, . within, ? not judged."""
    found = [(START + at * DAY, Found(1.0, 1.0, SAID[sign])) for at, sign in enumerate(windows)]
    now = standing(name, found, rule)
    return now.state, None if now.since is None else (now.since - START) // timedelta(days=1)


@pytest.mark.parametrize(
    ("windows", "state", "since"),
    [
        ("", "not_enough_data", None),
        ("?????", "not_enough_data", None),
        (".....", "ok", None),
        ("....x", "watching", 4),
        ("..xx.", "watching", 2),
        ("xxx..", "watching", 0),
        ("...xx", "watching", 3),
        ("..xxx", "alarm", 2),
        ("xx..x", "alarm", 0),
        ("xxxx.", "watching", 0),
        ("xxx", "alarm", 0),
        ("xxx.....", "ok", None),
        ("xxx...xxx", "alarm", 6),
        ("xxx..xxx", "alarm", 0),
        ("..xxx?", "alarm", 2),
        ("x?x?x", "alarm", 0),
        ("xxx?????", "not_enough_data", None),
    ],
)
def test_the_state_follows_from_the_last_judged_windows(windows: str, state: str, since: int | None) -> None:
    assert stand(windows) == (state, since)


def test_labels_that_come_late_are_judged_on_the_windows_that_have_them() -> None:
    assert stand("xxx?????", "performance") == ("alarm", 0)


def test_one_of_one_is_the_strictest_rule() -> None:
    assert stand("...x", rule=Rule(1, 1)) == ("alarm", 3)
    assert stand("..x.", rule=Rule(1, 1)) == ("ok", None)
