"""Columns become features of the usual kinds, and in the same way at every scoring."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.params import Features, Split
from pipeline.models import matrix as features
from pipeline.models.signature import Signature

TABLE = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "amount": [1.5, None, 3.0, -2.0],
        "town": ["Oslo", "Bergen", None, "Oslo"],
        "member": [True, False, True, True],
        "since": pd.to_datetime(["1970-01-02", "2024-02-29", None, "2000-01-01"]),  # type: ignore[arg-type] # pandas-stubs know no None here
        "y": [0, 1, 0, 1],
    }
)
SETTINGS = Features(exclude=(), max_categories=3)


def learn(table: pd.DataFrame = TABLE, settings: Features = SETTINGS) -> Signature:
    return Signature(
        task="binary",
        target="y",
        key="id",
        positive=1,
        classes=("0", "1"),
        threshold=0.5,
        quantile=0.5,
        features=features.learn(table, settings, {"id", "y"}),
        split=Split(test=0.2, validation=0.2, seed=0, time=None),
        device="cpu",
    )


def test_numbers_categories_booleans_and_dates_are_features_and_roles_are_not() -> None:
    signature = learn()
    names = [feature.name for feature in signature.features]
    assert names == ["amount", "town", "member", "since__days", "since__month", "since__weekday"]
    assert signature.columns == ["amount", "town", "member", "since"]
    assert signature.features[1].categories == ("Bergen", "Oslo")
    assert [feature.nullable for feature in signature.features[:3]] == [True, True, False]


def test_rows_are_encoded_with_missing_values_as_nan() -> None:
    matrix = features.encode(TABLE, learn())
    expected = [
        [1.5, 1, 1, 1, 1, 4],
        [np.nan, 0, 0, 19782, 2, 3],
        [3, np.nan, 1, *[np.nan] * 3],
        [-2, 1, 1, 10957, 1, 5],
    ]
    np.testing.assert_array_equal(matrix, np.array(expected))


def test_an_unseen_category_is_missing_not_another_category() -> None:
    other = TABLE.assign(town=["Paris", "Oslo", "Rome", "Bergen"])
    np.testing.assert_array_equal(features.encode(other, learn())[:, 1], [np.nan, 1, np.nan, 0])


def test_whole_numbers_with_missing_values_are_encoded_like_those_without() -> None:
    table = TABLE.assign(amount=pd.array([1, None, 3, 4], dtype="Int64"))
    np.testing.assert_array_equal(features.encode(table, learn())[:, 0], [1, np.nan, 3, 4])


@pytest.mark.parametrize(
    ("table", "settings", "expected"),
    [
        (
            TABLE.assign(note=["a", "b", "c", "d"]),
            SETTINGS,
            "column note: text with 4 different values looks like an ident",
        ),
        (TABLE.assign(empty=list[Any]([None] * 4)), SETTINGS, "column empty: has no value"),
        (TABLE.assign(amount=[1, 2, 3, np.inf]), SETTINGS, "column amount: holds infinity"),
        (TABLE, Features(exclude=("amuont",), max_categories=3), "features.exclude: amuont is no column"),
        (TABLE[["id", "y"]], SETTINGS, "no feature is left"),
    ],
)
def test_a_column_that_can_not_be_learnt_is_refused_with_advice(
    table: pd.DataFrame, settings: Features, expected: str
) -> None:
    with pytest.raises(PipelineError, match=expected):
        learn(table, settings)


def test_a_table_without_a_feature_or_with_another_type_is_refused() -> None:
    with pytest.raises(PipelineError, match="column town: the model needs it"):
        features.encode(TABLE.drop(columns="town"), learn())
    with pytest.raises(PipelineError, match="column amount: the model was trained on a number"):
        features.encode(TABLE.assign(amount=list("abcd")), learn())
    with pytest.raises(PipelineError, match="column since: the model was trained on a date, the table holds str"):
        features.encode(TABLE.assign(since=list("abcd")), learn())


def test_a_category_is_the_same_whether_it_is_stored_as_number_or_text() -> None:
    stored = [["1", "2", None], [1.0, 2.0, np.nan], pd.array([1, 2, None], dtype="Int64")]
    for values in stored:
        positions = features.codes(pd.Series(values), ("1", "2"))
        assert positions.tolist() == [0, 1, -1]


def test_truth_values_with_missing_ones_are_the_same_categories_as_their_text() -> None:
    assert features.codes(pd.Series([True, None, False]), ("false", "true")).tolist() == [1, -1, 0]


def numbered(distinct: int, rows: int, missing: int = 0) -> pd.DataFrame:
    note = [f"note {row % distinct}" for row in range(rows)] + [None] * missing
    return pd.DataFrame({"x": np.arange(rows + missing) / 2, "note": note})


def test_whole_numbers_of_which_none_occurs_twice_are_refused_as_text_is_and_amounts_are_declared_as_numbers() -> None:
    numbers = pd.Series([1000 + 7 * row for row in range(20)])
    table = pd.DataFrame({"x": [0.5, 1.5] * 10, "row": numbers})
    for values in (
        numbers,
        numbers.astype("Int64").where(numbers > 0),
        pd.concat([numbers, pd.Series([None], dtype="Int64")]),
    ):
        other = pd.DataFrame({"x": [0.5] * len(values), "row": values.to_numpy()})
        other["row"] = other["row"].astype("Int64")
        with pytest.raises(
            PipelineError, match="column row: whole numbers of which none occurs twice in 20 training rows"
        ):
            learn(other)
    for fine in (
        table.assign(row=numbers.astype(float)),
        table.head(19),
        table.assign(row=numbers.replace(1007, 1000)),
    ):
        assert learn(fine).columns == ["x", "row"]


def test_text_of_mostly_different_values_is_refused_in_a_small_table_too() -> None:
    roomy = Features(exclude=(), max_categories=100)
    with pytest.raises(PipelineError, match=r"note: text with 11 different values in 20 .*features\.exclude"):
        learn(numbered(11, 20, missing=20), roomy)
    for table in (numbered(10, 20), numbered(19, 19, missing=20)):  # half of them differ; too few values
        assert learn(table, roomy).columns == ["x", "note"]


def test_a_model_of_format_1_knows_its_categories_by_their_former_texts() -> None:
    then = ("2024-01-01 00:00:00", "9007199254740992.0", "Oslo")
    now = pd.Series(["2024-01-01", "9007199254740993", "Oslo", "Bergen", None], dtype="str")
    assert features.codes(now, then, former=True).tolist() == [0, 1, 2, -1, -1]
    assert features.codes(now, then).tolist() == [-1, -1, 2, -1, -1]
