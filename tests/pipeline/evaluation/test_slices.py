"""Slices have readable names, and a slice without a defined metric is no error."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.evaluation import slices
from pipeline.evaluation.scoring import Scored
from tests.pipeline.conftest import FROZEN

EVALUATE = params.section(params.Evaluate, FROZEN / "params.yaml").model_copy(update={"bootstrap": 100})


def labels(values: Any, bins: int = 4) -> list[str]:
    return list(slices.labels(pd.DataFrame({"x": values}), ["x"], bins, "evaluate.slices")["x"])


def test_numbers_are_cut_into_bins_of_similar_size_named_by_their_ends() -> None:
    names = labels(list(range(21, 61)))
    assert pd.Series(names).value_counts().to_dict() == dict.fromkeys(
        ["21 to 30", "31 to 40", "41 to 50", "51 to 60"], 10
    )
    assert names[0] == "21 to 30"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 1, 1, 2], ["3", "1", "1", "2"]),
        ([3.0, 1.5, np.nan], ["3", "1.5", "missing"]),
        ([True, False, None], ["true", "false", "missing"]),
        (["b", None, "a"], ["b", "missing", "a"]),
        (pd.Categorical(["b", "a", None], categories=["a", "b", "c"]), ["b", "a", "missing"]),
        (pd.array([1, None, 2], dtype="Int64"), ["1", "missing", "2"]),
        ([None, None], ["missing", "missing"]),
        (pd.to_datetime(["2024-01-31", None]), ["2024-01-31", "missing"]),  # type: ignore[arg-type] # pandas-stubs know no None here
        (
            pd.to_datetime(["2024-01-31", "2024-01-31 12:30"], format="ISO8601"),
            ["2024-01-31", "2024-01-31 12:30:00"],
        ),
    ],
)
def test_few_values_are_their_own_labels(values: Any, expected: list[str]) -> None:
    assert labels(values) == expected


def test_a_text_is_not_taken_for_the_rows_without_a_value_or_for_the_rare_ones() -> None:
    texts = ["missing", '"missing"', "other values", '"other values"', "", " ", '""', "Missing", "missing at random"]
    assert labels([*texts, None]) == [
        '"missing"',
        '""missing""',
        '"other values"',
        '""other values""',
        '""',
        '" "',
        '""""',
        "Missing",
        "missing at random",
        "missing",
    ]


@given(st.lists(st.none() | st.text() | st.sampled_from(["missing", "other values", '"missing"', '""missing"', ""])))
def test_two_values_never_share_a_label(values: list[str | None]) -> None:
    values = values[: slices.MAX_VALUES]
    table = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    assert len(set(slices.labels(table, ["x"], 4, "evaluate.slices")["x"])) == len(set(values))


def test_rare_values_do_not_join_a_value_of_their_name() -> None:
    found = pd.Series(labels(["other values"] * 100 + [f"v{i:02}" for i in range(60)]))
    assert (found == '"other values"').sum() == 100
    assert (found == "other values").sum() == 60 - 48


def test_many_equal_numbers_have_their_own_bin() -> None:
    assert set(labels([0] * 90 + list(range(1, 11)))) == {"0", "1 to 10"}


def test_bins_of_close_numbers_have_enough_digits_to_differ() -> None:
    names = labels([1.00001, 1.00002, 1.00003, 1.00004], bins=2)
    assert names == ["1.00001 to 1.00002"] * 2 + ["1.00003 to 1.00004"] * 2


def test_rounded_ends_stay_short() -> None:
    assert labels([0.123456, 0.25, 0.5, 123456.789], bins=2)[-1] == "0.5 to 1.235e+05"


@pytest.mark.parametrize("zone", [None, "Asia/Taipei"])
def test_dates_are_cut_like_numbers(zone: str | None) -> None:
    dates = pd.date_range("2024-01-01 08:00", periods=40, freq="D", tz=zone)
    days = pd.Series([*dates, pd.NaT])
    names = labels(days, bins=2)
    assert list(dict.fromkeys(names)) == ["2024-01-01 to 2024-01-20", "2024-01-21 to 2024-02-09", "missing"]


def test_bins_within_one_day_are_named_by_the_time() -> None:
    names = labels(pd.date_range("2024-01-01", periods=4, freq="h"), bins=2)
    assert names[0] == "2024-01-01 00:00:00 to 2024-01-01 01:00:00"


def test_rare_values_are_joined_so_that_fifty_are_shown() -> None:
    names = pd.Series(labels([f"v{i:02}" for i in range(60) for _ in range(i + 1)] + [None]))
    assert names.nunique() == slices.MAX_VALUES + 1
    assert {"v59", "v11", "missing", "other values"} <= set(names)
    assert "v10" not in set(names)
    assert (names == "other values").sum() == sum(range(1, 12))


def test_which_values_are_shown_does_not_depend_on_the_order_of_the_rows() -> None:
    values = [f"v{i}" for i in range(60)]
    assert set(labels(values)) == set(labels(values[::-1]))


def test_a_missing_column_is_named_with_its_key_and_the_nearest_column() -> None:
    table = pd.DataFrame({"education": ["a"], "sex": ["b"]})
    with pytest.raises(PipelineError) as error:
        slices.labels(table, ["sex", "eduction"], 4, "evaluate.slices")
    assert str(error.value) == (
        "params.yaml: evaluate.slices: eduction is no column of the test rows; did you mean education?"
    )
    with pytest.raises(PipelineError, match="evaluate.sensitive: zzz is no column .*; columns: education, sex"):
        slices.labels(table, ["zzz"], 4, "evaluate.sensitive")


def scored(task: Any, target: Any, score: Any, groups: list[str]) -> Scored:
    keys = np.arange(len(groups)).astype(str)
    return Scored(
        task, np.array(target, float), np.array(score), keys, ("a", "b"), 0.5, slices=pd.DataFrame({"g": groups})
    )


def test_each_slice_has_its_size_and_metrics_with_intervals_in_reading_order() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 300)
    groups = ["9 to 20"] * 100 + ["100 to 200"] * 150 + ["missing"] * 50
    parts = slices.report(scored("binary", target, 0.3 + 0.4 * target * rng.random(300), groups), EVALUATE)
    assert [(part["value"], part["rows"]) for part in parts] == [("9 to 20", 100), ("100 to 200", 150), ("missing", 50)]
    assert {part["column"] for part in parts} == {"g"}
    for part in parts:
        area = part["metrics"]["roc_auc"]
        assert area["lower"] <= area["value"] <= area["upper"]
    assert parts[0]["metrics"]["positive_rate"]["value"] == pytest.approx(target[:100].mean())


def test_a_slice_with_one_class_has_no_roc_auc_and_keeps_its_shares() -> None:
    part = slices.report(scored("binary", [1, 1, 0], [0.2, 0.4, 0.6], ["a", "a", "b"]), EVALUATE)[0]
    assert part["metrics"]["roc_auc"] == {"value": None, "lower": None, "upper": None}
    assert part["metrics"]["mean_score"]["value"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("task", "score", "names"),
    [
        ("multiclass", [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], {"log_loss", "balanced_accuracy"}),
        ("regression", [0.9, 0.1, 3.0], {"rmse", "mae"}),
    ],
)
def test_other_tasks_have_their_own_metrics(task: Any, score: Any, names: set[str]) -> None:
    report = slices.report(scored(task, [0, 1, 1], score, ["a", "a", "b"]), EVALUATE)
    assert [set(part["metrics"]) for part in report] == [names, names]
    assert all(figure["value"] is not None for part in report for figure in part["metrics"].values())
