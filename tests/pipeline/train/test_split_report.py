"""The split report: the period of each side, and columns whose values test and training rows share."""

import numpy as np
import pandas as pd

from pipeline.core.params import Data, TaskSection
from pipeline.train import split_report

DATA = Data(source="x.parquet", key="id", deduplicate=False)
TASK = TaskSection(type="regression", target="y")
HOURS = pd.date_range("2026-01-01", periods=100, freq="h")


def table(per_hour: int = 5) -> pd.DataFrame:
    """Rows of the same hours, in the order of time; each has a birthday of its own."""
    rows = 100 * per_hour
    columns = {"id": range(rows), "hour": HOURS.repeat(per_hour), "city": np.arange(rows) % 40, "y": range(rows)}
    return pd.DataFrame(columns | {"born": pd.date_range("1930-01-01", periods=rows)})


def hashed_side(rows: int) -> "np.ndarray[tuple[int], np.dtype[np.str_]]":
    return np.random.default_rng(0).choice(["train", "validation", "test"], rows, p=[0.6, 0.2, 0.2])


def test_in_a_split_by_time_each_side_has_its_period() -> None:
    side = np.array(["train"] * 300 + ["validation"] * 100 + ["test"] * 100)
    sides = split_report.describe(table(), side, "hour")
    assert sides["train"] == {"rows": 300, "first": "2026-01-01 00:00:00", "last": "2026-01-03 11:00:00"}
    assert sides["test"] == {"rows": 100, "first": "2026-01-04 08:00:00", "last": "2026-01-05 03:00:00"}
    assert split_report.describe(table(), side, None)["test"] == {"rows": 100}


def test_dates_and_excluded_columns_that_test_and_training_rows_share_are_named_with_the_share() -> None:
    rows, side = table(), hashed_side(500)
    is_shared = rows["hour"][side == "test"].isin(rows["hour"][side == "train"])
    hour, city = split_report.shared(rows, side, DATA, TASK, ["city", "y", "id"])
    assert (hour["column"], hour["share"]) == ("hour", is_shared.mean())
    assert hour["share"] > 0.9
    assert hour["sentence"].startswith("94.9% of the test rows have a value of hour that training rows have as well")
    assert hour["sentence"].endswith("; split.time: hour judges on the newest rows")
    assert (city["column"], city["share"]) == ("city", 1.0)
    assert "for groups that the model knows, and flatter it where rows of one city are alike" in city["sentence"]
    assert city["sentence"].endswith("; split.group: city keeps them apart")


def test_a_column_of_few_values_or_of_one_value_a_row_is_not_named() -> None:
    rows, side = table(), hashed_side(500)
    assert split_report.shared(rows.assign(hour=HOURS[0], city=rows["city"] % 3), side, DATA, TASK, ["city"]) == []
