"""Shares of missing and of unseen values: chance, days that differ, and what the reference can't judge."""

import numpy as np
import pandas as pd

from pipeline.predictions import periods
from pipeline.watch.monitor.blocks import MINIMUM, Blocks, blocks
from pipeline.watch.monitor.shares import Missing, Unseen

DAY = periods.size("1 day")
EACH = 100  # rows a day


def days(count: int) -> "pd.Series[pd.Timestamp]":
    return pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(count), EACH), unit="D"))


def outages(count: int) -> pd.DataFrame:
    """A sensor that fails for a fifth of every seventh day, and a column of which each value is missing by chance."""
    rng, place = np.random.default_rng(0), np.arange(count * EACH)
    failed = (place // EACH % 7 == 0) & (place % EACH < 20)
    return pd.DataFrame(
        {"sensor": np.where(failed, np.nan, 1.0), "other": np.where(rng.random(len(place)) < 0.03, np.nan, 1.0)}
    )


def together(count: int) -> Blocks:
    return blocks(days(count), DAY)


def test_a_day_on_which_a_sensor_fails_as_on_days_of_the_reference_is_not_beyond() -> None:
    by_rows = Missing(outages(140), 0.05, 0.01, None).signal({"sensor": 20, "other": 3}, EACH)
    by_days = Missing(outages(140), 0.05, 0.01, together(140)).signal({"sensor": 20, "other": 3}, EACH)
    assert (by_rows.beyond, by_days.beyond) == (True, False)
    bound = 0.2 - (140 // 7 - 1) * 20 / (139 * EACH)  # a failing day’s share less that of all others
    assert np.isclose(by_days.bound or 0, bound)


def test_a_day_worse_than_all_of_the_reference_is_beyond() -> None:
    signal = Missing(outages(140), 0.05, 0.01, together(140)).signal({"sensor": 60}, EACH)
    assert signal.beyond
    assert signal.detail == "sensor: +57.1%"


def test_values_that_are_missing_by_chance_keep_the_bound_of_independent_rows() -> None:
    other = outages(140)[["other"]]
    by_rows, by_days = (Missing(other, 0.0, 0.01, of).signal({"other": 9}, EACH) for of in (None, together(140)))
    assert by_rows == by_days


def test_with_too_few_days_a_column_whose_days_differ_is_not_judged_and_that_is_said() -> None:
    few = MINIMUM - 1
    signal = Missing(outages(few), 0.05, 0.01, together(few)).signal({"sensor": 90}, EACH)
    assert signal.detail.endswith("there are fewer than 20 windows of the reference to judge sensor")
    assert (signal.beyond, signal.detail[:5]) == (False, "other")
    alone = Missing(outages(few)[["sensor"]], 0.05, 0.01, together(few)).signal({"sensor": 90}, EACH)
    assert alone.beyond is None
    assert alone.detail.startswith("no column can be judged; rows of one day or group are alike")


def test_groups_that_differ_are_drawn_whole() -> None:
    clients = pd.Series(np.repeat([f"client {number}" for number in range(140)], EACH))
    signal = Missing(outages(140), 0.05, 0.01, blocks(clients, DAY)).signal({"sensor": 20}, EACH)
    assert signal.beyond is False


def test_a_table_without_missing_values_is_judged() -> None:
    whole = pd.DataFrame({"sensor": np.ones(140 * EACH)})
    assert Missing(whole, 0.05, 0.01, together(140)).signal({"sensor": 6}, EACH).beyond


def test_categories_that_are_often_new_are_expected() -> None:
    towns = pd.DataFrame({"town": pd.Series([f"village {number}" for number in range(303)], dtype="str")})
    once, ten_times = Unseen(towns, 0.02, 0.01, None), Unseen(pd.concat([towns] * 10), 0.02, 0.01, None)
    assert once.signal({"town": EACH}, EACH).beyond is False
    assert ten_times.signal({"town": 3}, EACH).beyond


def test_a_new_category_in_many_rows_of_a_day_is_usual_where_days_of_the_reference_have_one() -> None:
    place = np.arange(140 * EACH)
    campaigns = np.where(place % EACH < 10, place // EACH, -1).astype(str)
    table = pd.DataFrame({"campaign": pd.Series(campaigns, dtype="str")})
    signals = [Unseen(table, 0.02, 0.01, of).signal({"campaign": 10}, EACH) for of in (None, together(140))]
    assert [signal.beyond for signal in signals] == [True, False]
    assert Unseen(table, 0.02, 0.01, together(140)).signal({"campaign": 11}, EACH).beyond


def test_common_categories_keep_the_bound_of_the_parameter() -> None:
    towns = pd.DataFrame({"town": pd.Series(np.tile(["Bergen", "Oslo"], 70 * EACH), dtype="str")})
    signal = Unseen(towns, 0.02, 0.01, together(140)).signal({"town": 3}, EACH)
    assert (signal.beyond, signal.bound) == (True, 0.02)
