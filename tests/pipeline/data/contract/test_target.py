"""A task that does not fit the target's column is refused by its key, with what there is."""

from typing import Any

import pandas as pd
import pytest

from pipeline.core.params import TaskSection
from pipeline.data.contract import target
from pipeline.data.contract.schema import Schema

REGRESSION, MULTICLASS = (
    TaskSection.model_validate({"type": name, "target": "y"}) for name in ("regression", "multiclass")
)


def binary(positive: bool | int | str) -> TaskSection:
    return TaskSection(type="binary", target="y", positive=positive)


def contract(**column: Any) -> Schema:
    return Schema.model_validate({"columns": {"y": {"nullable": False} | column}})


@pytest.mark.parametrize(
    ("task", "column", "expected"),
    [
        (
            binary(1),
            {"type": "category", "allowed": ("bad", "good")},
            "task.positive: is 1, which y never is: data/schema",
        ),
        (binary("yes"), {"type": "boolean", "allowed": (True, False)}, "task.positive: is 'yes', which y never is"),
        (REGRESSION, {"type": "text"}, "write plain numbers such as 1234.5 in the source"),
        (REGRESSION, {"type": "date"}, "task.type: is regression, and data/schema.yaml says that y is date"),
        (REGRESSION, {"type": "boolean"}, "set it to binary"),
    ],
)
def test_what_the_contract_tells_is_said_before_any_work(task: TaskSection, column: Any, expected: str) -> None:
    (problem,) = target.contract_problems(task, contract(**column))
    assert problem.startswith("params.yaml: task.")
    assert expected in problem


@pytest.mark.parametrize(
    ("task", "column"),
    [
        (binary(1), {"type": "integer", "allowed": (0, 1)}),
        (binary("1"), {"type": "number", "allowed": (0.0, 1.0)}),
        (binary(1), {"type": "category"}),
        (binary("true"), {"type": "boolean", "allowed": (True, False)}),
        (REGRESSION, {"type": "integer"}),
        (MULTICLASS, {"type": "text"}),
    ],
)
def test_a_task_that_may_fit_is_left_to_the_values(task: TaskSection, column: Any) -> None:
    assert target.contract_problems(task, contract(**column)) == []


@pytest.mark.parametrize(
    ("task", "values", "expected"),
    [
        (binary(1), ["bad", "good"], ["task.positive: is 1, which y never is: its rows hold bad, good; set it"]),
        (binary(1), [True, False], ["task.positive: is 1, which y never is: its rows hold false, true; set it"]),
        (binary("a"), ["a", "b", "c"], ["is binary, and y has 3 classes (a, b, c); set it to multiclass and"]),
        (binary(1), [0, 1, 2], ["is binary, and y has 3 classes (0, 1, 2); set it to multiclass or regression"]),
        (binary(1), [1, 1], ["has one class only (1)"]),
        (binary("bad"), ["", "good", ""], ["task.positive: is 'bad', which y never is: its rows hold \"\", good"]),
        (MULTICLASS, ["a", "a"], ["has one class only (a)"]),
        (MULTICLASS, list(range(810)), ["holds 810 different numbers; if they are amounts, set it to regression"]),
        (REGRESSION, [2.0, 2.0], ["every row has the same value"]),
        (REGRESSION, ["a", "b"], ["holds no numbers"]),
    ],
)
def test_what_the_values_tell_is_said_in_a_line_each(task: TaskSection, values: list[Any], expected: list[str]) -> None:
    problems = target.value_problems(pd.Series(values, name="y"), task)
    assert len(problems) == len(expected)
    for problem, part in zip(problems, expected, strict=True):
        assert part in problem


@pytest.mark.parametrize(
    ("task", "values"),
    [
        (binary(1), [0.0, 1.0, None]),
        (binary(True), [True, False]),
        (binary("true"), pd.array([True, False, None], dtype="boolean")),
        (binary(""), ["", "good"]),
        (MULTICLASS, [str(number) for number in range(810)]),
        (REGRESSION, [1.0, 2.0]),
    ],
)
def test_a_target_that_fits_has_no_problem(task: TaskSection, values: Any) -> None:
    assert target.value_problems(pd.Series(values, name="y"), task) == []
