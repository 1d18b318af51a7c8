"""Rows of one day that share their weather are calibrated by days; where there are too few days, that is said."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.drift.compare import Kind
from pipeline.drift.stattests import LARGEST
from pipeline.predictions import periods
from pipeline.watch.monitor.blocks import MINIMUM, Blocks, blocks, members, shared
from pipeline.watch.monitor.coded_columns import coded
from pipeline.watch.monitor.data_drift import Drift
from pipeline.watch.monitor.reference_columns import reference_columns
from pipeline.watch.monitor.window_signal import WindowSignal
from tests.pipeline.watch.monitor.factories import settings

DAY = periods.size("1 day")
KINDS: dict[str, Kind] = {"temperature": "number", "rain": "category", "size": "number"}


def weather(days: int, each: int = 240, seed: int = 0) -> pd.DataFrame:
    """Rows by the hour whose temperature and rain all rows of the hour share; `size` is each row's own."""
    rng = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    temperature = np.repeat(rng.normal(10, 5, days), 24) + 4 * np.sin(2 * np.pi * hours / 24)
    rain = np.repeat(rng.random(days) < 0.3, 24)
    place = np.repeat(hours, each // 24)
    return pd.DataFrame(
        {
            "time": pd.Timestamp("2024-01-01") + pd.to_timedelta(place, unit="h"),
            "temperature": temperature[place],
            "rain": pd.Series(np.where(rain, "yes", "no")[place], dtype="str"),
            "size": rng.lognormal(0, 1, len(place)),
        }
    )


def signals(table: pd.DataFrame, *, by_days: bool, days: range) -> list[WindowSignal]:
    """The drift of these days of the table against all other days."""
    places = blocks(table["time"], DAY).windows
    held_out = np.isin(places, list(days))
    rest = table[~held_out]
    together = blocks(rest["time"], DAY) if by_days else None
    drift = Drift(reference_columns(rest, KINDS, settings().drift), settings(), together)
    return [drift.signal(table[places == day]) for day in days]


@pytest.fixture(autouse=True)
def folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_days_that_did_not_drift_are_beyond_only_where_single_rows_are_resampled() -> None:
    table = weather(80)
    by_rows = signals(table, by_days=False, days=range(20, 40))
    by_days = signals(table, by_days=True, days=range(20, 40))
    assert sum(bool(signal.beyond) for signal in by_rows) >= 18
    assert sum(bool(signal.beyond) for signal in by_days) <= 2
    columns = by_days[0].columns
    assert {name for name, column in columns.items() if column.shared} == {"temperature", "rain"}
    assert "alike" in by_days[0].detail


def test_drift_of_a_column_that_rows_do_not_share_is_still_seen() -> None:
    table = weather(80)
    table.loc[table["time"] >= "2024-02-10", "size"] *= 2
    last = signals(table, by_days=True, days=range(40, 80))[-1]
    assert last.beyond
    assert "furthest size" in last.detail


def test_a_change_beyond_all_days_of_the_reference_is_drift_of_a_shared_column() -> None:
    table = weather(80)
    table.loc[table["time"] >= "2024-03-16", "temperature"] += 60
    assert all(signal.columns["temperature"].ratio > 1 for signal in signals(table, by_days=True, days=range(75, 80)))


def test_with_too_few_days_shared_columns_are_not_judged_however_far_they_are() -> None:
    table = weather(MINIMUM)
    table.loc[table["time"] >= "2024-01-20", "temperature"] += 60
    signal = signals(table, by_days=True, days=range(MINIMUM - 1, MINIMUM))[0]
    assert not signal.beyond
    assert signal.columns["temperature"].bound == LARGEST
    assert f"fewer than {MINIMUM} windows of the reference to judge temperature" in signal.detail
    assert signal.columns["size"].judged


def test_rows_that_are_independent_share_nothing() -> None:
    table = weather(60)
    mixed = table.assign(time=np.random.default_rng(1).permutation(table["time"]))
    for rows, expected in ((table, {"temperature", "rain"}), (mixed, set())):
        columns = {
            name: coded(column) for name, column in reference_columns(rows, KINDS, settings().drift).columns.items()
        }
        assert shared(columns, blocks(rows["time"], DAY), 0) == expected


def test_rows_of_one_group_are_drawn_together() -> None:
    groups = blocks(pd.Series(np.repeat([f"client {place}" for place in range(50)], 4)), DAY)
    for rows in groups.draws(20, 5, np.random.default_rng(0)):
        assert sorted(np.bincount(rows // 4, minlength=50)[np.unique(rows // 4)]) == [4] * 5


def test_windows_of_rows_are_cut_from_the_reference_in_the_order_of_time() -> None:
    times = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta([5, 1, 3, 2, 4, 0], unit="h"))
    cut = blocks(times, periods.size("2 rows"))
    assert cut.windows.tolist() == [2, 0, 1, 1, 2, 0]


def test_a_window_longer_than_a_day_is_tested_by_days() -> None:
    cut = blocks(pd.Series(pd.date_range("2024-01-01", periods=14)), periods.size("7 days"))
    assert (len(members(cut.days)), len(members(cut.windows))) == (14, 3)  # weeks are aligned in UTC


def test_rows_without_a_time_belong_to_no_window() -> None:
    cut = blocks(pd.Series([pd.Timestamp("2024-01-01"), pd.NaT, pd.Timestamp("2024-01-01")]), DAY)
    assert isinstance(cut, Blocks)
    assert [rows.tolist() for rows in members(cut.windows)] == [[0, 2]]
