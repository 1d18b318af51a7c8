"""Parts of the time column are recognized, as numbers and as names; what only follows the seasons is none."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.values.calendar import calendar_columns

TIMES = pd.Series(pd.date_range("2022-01-01", periods=900, freq="D"))


def part_of(values: Any) -> str | None:
    table = pd.DataFrame({"time": TIMES, "column": values})
    return calendar_columns(table, "time").get("column")


@pytest.mark.parametrize(
    ("values", "part"),
    [
        (TIMES.dt.month, "month"),
        (TIMES.dt.month - 1, "month"),
        (TIMES.dt.month_name(), "month"),
        (TIMES.dt.strftime("%b"), "month"),
        (TIMES.dt.strftime("%m"), "month"),
        (TIMES.dt.day, "day of month"),
        (TIMES.dt.dayofweek + 1, "weekday"),
        (TIMES.dt.day_name(), "weekday"),
        (TIMES.dt.year, "year"),
        (TIMES.dt.year - 2000, "year"),
        (TIMES.dt.dayofyear.where(np.arange(900) % 10 != 0), "day of year"),
        (TIMES + pd.Timedelta(hours=7), "time"),
    ],
)
def test_parts_of_the_time_are_recognized(values: Any, part: str) -> None:
    assert part_of(values) == part


@pytest.mark.parametrize(
    "values",
    [
        10 + 8 * np.sin(TIMES.dt.dayofyear / 58),
        np.random.default_rng(0).integers(1, 13, 900),
        TIMES.dt.dayofweek >= 5,
        TIMES.dt.month * 10,
        pd.Series(["none"] * 900),
        TIMES - pd.Timedelta(days=400),
    ],
)
def test_other_columns_are_not(values: Any) -> None:
    assert part_of(values) is None


def test_another_time_zone_changes_nothing() -> None:
    hours = pd.Series(pd.date_range("2022-01-01", periods=5000, freq="h"))
    table = pd.DataFrame({"time": hours, "day": (hours - pd.Timedelta(hours=5)).dt.day})
    assert calendar_columns(table, "time") == {"day": "day of month"}


def test_a_time_that_is_no_date_has_no_parts() -> None:
    assert calendar_columns(pd.DataFrame({"time": [1, 2, 3], "month": [1, 2, 3]}), "time") == {}


def test_in_a_few_weeks_a_column_is_the_part_that_agrees_most() -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=37, freq="D"))
    switched = np.where(np.arange(37) < 20, 1, 2)
    table = pd.DataFrame({"time": days, "day": days.dt.day, "month": days.dt.month, "version": switched})
    assert calendar_columns(table, "time") == {"day": "day of month", "month": "month"}
