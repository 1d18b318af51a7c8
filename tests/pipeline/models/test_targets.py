"""A target that can't be learnt is refused with the reason."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.params import TaskSection
from pipeline.models import matrix, targets
from pipeline.models.signature import Signature
from tests.pipeline.models.test_matrix import TABLE
from tests.pipeline.models.test_matrix import learn as learn_signature

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
        ([1.0, -1e39], TaskSection(type="regression", target="y"), "1 rows hold values beyond ±8.51e\\+37"),
        ([2e38, -2e38], TaskSection(type="regression", target="y"), "2 rows hold values beyond"),
        ([1e9, 1e9 + 1], TaskSection(type="regression", target="y"), "differs in digits alone"),
        ([1e-50, 1e-51], TaskSection(type="regression", target="y"), "differs in digits alone"),
    ],
)
def test_a_target_that_can_not_be_learnt_is_refused(values: list[object], task: TaskSection, expected: str) -> None:
    with pytest.raises(PipelineError, match=expected):
        targets.learn(pd.Series(values, name="y"), task)


def test_a_value_beyond_float32_is_refused_in_the_rows_to_score_as_well() -> None:
    signature = learn_signature().model_copy(update={"task": "regression", "classes": ()})
    with pytest.raises(PipelineError, match="target y: 1 rows hold values beyond"):
        targets.encode(TABLE.assign(y=[1.0, 2.0, 1e300, 3.0]), signature)


def test_the_empty_text_is_a_class_and_a_category_as_any_other() -> None:
    table = TABLE.assign(y=["", "bad", "", "bad"], town=list[Any](["", "Oslo", None, ""]))
    task = TaskSection(type="binary", target="y", positive="bad")
    known = learn_signature(table).model_copy(update={"classes": targets.learn(table["y"], task)})
    stored = Signature.model_validate_json(known.model_dump_json())
    assert (stored, stored.classes, stored.features[1].categories) == (known, ("", "bad"), ("", "Oslo"))
    np.testing.assert_array_equal(targets.encode(table, stored), [0, 1, 0, 1])
    np.testing.assert_array_equal(matrix.encode(table, stored)[:, 1], [0, 1, np.nan, 0])


def test_classes_are_negative_then_positive_for_binary_and_sorted_for_several() -> None:
    task = TaskSection(type="binary", target="y", positive="no", threshold="f1")
    assert targets.learn(pd.Series(["no", "yes"]), task) == ("yes", "no")
    assert targets.learn(pd.Series([10, 9, 2]), TaskSection(type="multiclass", target="y")) == (
        "2",
        "9",
        "10",
    )


def test_a_class_that_training_lacked_is_refused() -> None:
    with pytest.raises(PipelineError, match="1 rows hold a class that no training row has"):
        targets.encode(TABLE.assign(y=[0, 1, 2, 0]), learn_signature())


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [
        ([0.0, 1.0, 1.0], 1, ("0", "1")),
        (["0", "1", "1"], 1, ("0", "1")),
        ([0, 1, 1], "1", ("0", "1")),
        ([False, True, True], True, ("false", "true")),
        ([False, True, True], "true", ("false", "true")),
        (["false", "true", "true"], True, ("false", "true")),
    ],
)
def test_a_class_is_the_same_however_it_is_stored(
    values: list[object], positive: bool | int | str, expected: tuple[str, str]
) -> None:
    task = TaskSection(type="binary", target="y", positive=positive, threshold="f1")
    assert targets.learn(pd.Series(values), task) == expected
    signature = learn_signature().model_copy(update={"classes": expected})
    np.testing.assert_array_equal(targets.encode(pd.DataFrame({"y": values}), signature), [0, 1, 1])


def test_classes_that_are_floats_are_in_the_order_of_their_size() -> None:
    task = TaskSection(type="multiclass", target="y")
    assert targets.learn(pd.Series([10.0, 9.0, 2.5]), task) == ("2.5", "9", "10")
    assert targets.learn(pd.Series(["b", "a", "10"]), task) == ("10", "a", "b")
