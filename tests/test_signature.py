"""Columns become features the way a tabular practitioner would turn them, and the same way at every scoring."""

import numpy as np
import pandas as pd
import pytest

from pipeline import signature as signatures
from pipeline.errors import PipelineError
from pipeline.params import Features, Split, TaskSection
from pipeline.signature import Signature

TABLE = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "amount": [1.5, None, 3.0, -2.0],
        "town": ["Oslo", "Bergen", None, "Oslo"],
        "member": [True, False, True, True],
        "since": pd.to_datetime(["1970-01-02", "2024-02-29", None, "2000-01-01"]),
        "y": [0, 1, 0, 1],
    }
)
CHOSEN = Features(exclude=(), max_categories=3)


def learn(table: pd.DataFrame = TABLE, chosen: Features = CHOSEN) -> Signature:
    return Signature(
        task="binary",
        target="y",
        key="id",
        positive=1,
        classes=("0", "1"),
        threshold=0.5,
        quantile=0.5,
        features=signatures.learn_features(table, chosen, {"id", "y"}),
        split=Split(test=0.2, validation=0.2, seed=0, time=None),
        device="cpu",
    )


def test_numbers_categories_booleans_and_dates_are_features_and_roles_are_not() -> None:
    known = learn()
    names = [feature.name for feature in known.features]
    assert names == ["amount", "town", "member", "since__days", "since__month", "since__weekday"]
    assert known.columns == ["amount", "town", "member", "since"]
    assert known.features[1].categories == ("Bergen", "Oslo")
    assert [feature.nullable for feature in known.features[:3]] == [True, True, False]


def test_rows_are_encoded_with_missing_values_as_nan() -> None:
    matrix = signatures.encode(TABLE, learn())
    expected = [
        [1.5, 1, 1, 1, 1, 4],
        [np.nan, 0, 0, 19782, 2, 3],
        [3, np.nan, 1, *[np.nan] * 3],
        [-2, 1, 1, 10957, 1, 5],
    ]
    np.testing.assert_array_equal(matrix, np.array(expected))


def test_an_unseen_category_is_missing_not_another_category() -> None:
    other = TABLE.assign(town=["Paris", "Oslo", "Rome", "Bergen"])
    np.testing.assert_array_equal(signatures.encode(other, learn())[:, 1], [np.nan, 1, np.nan, 0])


def test_a_column_of_whole_numbers_with_gaps_is_encoded_like_one_without() -> None:
    table = TABLE.assign(amount=pd.array([1, None, 3, 4], dtype="Int64"))
    np.testing.assert_array_equal(signatures.encode(table, learn())[:, 0], [1, np.nan, 3, 4])


@pytest.mark.parametrize(
    ("table", "chosen", "expected"),
    [
        (
            TABLE.assign(note=["a", "b", "c", "d"]),
            CHOSEN,
            "column note: text with 4 different values looks like an ident",
        ),
        (TABLE.assign(empty=[None] * 4), CHOSEN, "column empty: has no value"),
        (TABLE.assign(amount=[1, 2, 3, np.inf]), CHOSEN, "column amount: holds infinity"),
        (TABLE, Features(exclude=("amuont",), max_categories=3), "features.exclude: amuont is no column"),
        (TABLE[["id", "y"]], CHOSEN, "no feature is left"),
    ],
)
def test_a_column_that_can_not_be_learnt_is_refused_with_advice(
    table: pd.DataFrame, chosen: Features, expected: str
) -> None:
    with pytest.raises(PipelineError, match=expected):
        learn(table, chosen)


def test_a_table_without_a_feature_or_with_another_type_is_refused() -> None:
    with pytest.raises(PipelineError, match="column town: the model needs it"):
        signatures.encode(TABLE.drop(columns="town"), learn())
    with pytest.raises(PipelineError, match="column amount: the model was trained on a number"):
        signatures.encode(TABLE.assign(amount=list("abcd")), learn())


BINARY = TaskSection(type="binary", target="y", positive=1, threshold="f1")


@pytest.mark.parametrize(
    ("values", "task", "expected"),
    [
        ([1, 1], BINARY, "one class only"),
        ([0, None], BINARY, "1 rows have no value"),
        ([0, 1, 2], BINARY, "has 3 classes"),
        ([0, 2], BINARY, "task.positive is 1, which never occurs"),
        ([3, 3], TaskSection(type="multiclass", target="y"), "one class only"),
        ([1.0, 1.0], TaskSection(type="regression", target="y"), "is constant"),
        (["a", "b"], TaskSection(type="regression", target="y"), "needs numbers"),
        ([1.0, np.inf], TaskSection(type="regression", target="y"), "holds infinity"),
    ],
)
def test_a_target_that_can_not_be_learnt_is_refused(values: list[object], task: TaskSection, expected: str) -> None:
    with pytest.raises(PipelineError, match=expected):
        signatures.learn_classes(pd.Series(values, name="y"), task)


def test_classes_are_negative_then_positive_for_binary_and_sorted_for_several() -> None:
    yes = TaskSection(type="binary", target="y", positive="no", threshold="f1")
    assert signatures.learn_classes(pd.Series(["no", "yes"]), yes) == ("yes", "no")
    assert signatures.learn_classes(pd.Series([10, 9, 2]), TaskSection(type="multiclass", target="y")) == (
        "2",
        "9",
        "10",
    )


def test_a_class_that_training_lacked_is_told() -> None:
    with pytest.raises(PipelineError, match="1 rows hold a class that the training rows lack"):
        signatures.targets(TABLE.assign(y=[0, 1, 2, 0]), learn())
