"""An alarm takes k of the last n judged windows beyond the bound, and the latest of them."""

from datetime import timedelta

import pytest

from pipeline.watch.monitor.alarm import Rule, standing
from pipeline.watch.monitor.window_signal import WindowSignal
from tests.pipeline.watch.monitor.factories import DAY, START

RULE = Rule(windows=5, alarm=3)
BEYOND = {"x": True, ".": False, "?": None}


def state_of(windows: str, name: str = "data_drift", rule: Rule = RULE) -> tuple[str, int | None]:
    """The state, and the window since which it is beyond; x: beyond, .: within, ?: not judged."""
    history = [(START + day * DAY, WindowSignal(1.0, 1.0, BEYOND[sign])) for day, sign in enumerate(windows)]
    current = standing(name, history, rule)
    return current.state, None if current.since is None else (current.since - START) // timedelta(days=1)


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
    assert state_of(windows) == (state, since)


def test_labels_that_come_late_are_judged_on_the_windows_that_have_them() -> None:
    assert state_of("xxx?????", "performance") == ("alarm", 0)


def test_one_of_one_is_the_strictest_rule() -> None:
    assert state_of("...x", rule=Rule(1, 1)) == ("alarm", 3)
    assert state_of("..x.", rule=Rule(1, 1)) == ("ok", None)
