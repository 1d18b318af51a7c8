"""A small loss that lasts is named though no window is beyond; none, a short one and one within the error are not."""

from datetime import timedelta

import numpy as np
import pytest

from pipeline.watch.monitor.alarm import Rule, standing
from pipeline.watch.monitor.cumulative import Evidence, lasting
from pipeline.watch.monitor.window_signal import WindowSignal
from tests.pipeline.watch.monitor.factories import START

TOLERATED, ERROR = 0.02, 0.02


def windows(losses: list[float], reference_error: float = 0.002) -> list[Evidence]:
    return [Evidence(loss, TOLERATED, ERROR, reference_error) for loss in losses]


def test_a_loss_of_the_tolerated_size_that_lasts_is_named_within_a_month() -> None:
    delays = []
    for seed in range(100):
        losses = (TOLERATED + np.random.default_rng(seed).normal(0, ERROR, 30)).tolist()
        named = [day for day in range(1, 31) if (sum_ := lasting(windows(losses[:day]), 0.01)) and sum_.beyond]
        delays.append(named[0] if named else 99)
    assert np.quantile(delays, 0.9) <= 30
    assert np.median(delays) <= 11


def test_without_a_loss_fewer_weeks_alarm_than_are_allowed() -> None:
    alarms = 0
    for seed in range(300):
        losses = np.random.default_rng(seed).normal(0, ERROR, 30).tolist()
        alarms += any((sum_ := lasting(windows(losses[:day]), 0.01)) and sum_.beyond for day in range(24, 31))
    assert alarms <= 6


def test_an_error_of_the_reference_does_not_shrink_with_the_number_of_windows() -> None:
    losses = [TOLERATED] * 300
    certain, uncertain = lasting(windows(losses), 0.01), lasting(windows(losses, reference_error=0.015), 0.01)
    assert certain is not None
    assert uncertain is not None
    assert certain.beyond
    assert not uncertain.beyond


def test_only_the_stretch_since_the_loss_began_counts() -> None:
    sum_ = lasting(windows([-0.03] * 40 + [0.05] * 8), 0.01)
    assert sum_ is not None
    assert sum_.beyond
    assert sum_.windows == 8
    assert sum_.loss == pytest.approx(0.05)


def test_a_window_of_many_labels_says_it_alone() -> None:
    sum_ = lasting([Evidence(0.05, TOLERATED, 0.005, 0.004)], 0.01)
    assert sum_ is not None
    assert sum_.beyond


def test_a_large_loss_is_certain_also_where_the_reference_is_not() -> None:
    noisy = [Evidence(loss, TOLERATED, 0.05, 0.0125) for loss in [0.02] * 14 + [4 * TOLERATED] * 14]
    sum_ = lasting(noisy, 0.01)
    assert sum_ is not None
    assert sum_.beyond
    before = lasting(noisy[:14], 0.01)
    assert before is not None
    assert not before.beyond


def test_nothing_is_summed_where_nothing_is_tolerated_or_no_window_is_judged() -> None:
    assert lasting([], 0.01) is None
    assert lasting([Evidence(0.1, 0.0, 0.01, 0.01)], 0.01) is None


def test_a_lasting_loss_is_an_alarm_since_it_began_though_no_window_is_beyond() -> None:
    losses = [0.0] * 5 + [0.03] * 12
    history = [
        (START + timedelta(days=day), WindowSignal(loss, 0.08, False, evidence=evidence))
        for day, (loss, evidence) in enumerate(zip(losses, windows(losses), strict=True))
    ]
    current = standing("performance", history, Rule(5, 3, 0.01))
    assert (current.state, current.beyond, current.since) == ("alarm", 0, START + timedelta(days=5))
    assert standing("performance", history[:5], Rule(5, 3, 0.01)).state == "ok"
