"""Choices by the table alone, questions where it can't tell, and what a person should look at."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.adopt import choices as choosing
from pipeline.adopt.choices import Choices
from pipeline.adopt.columns import describe
from pipeline.adopt.questions import Questions
from pipeline.core.errors import PipelineError
from tests.pipeline.conftest import small_table

ANSWERS = {"split": "rows", "exclude": "none", "sensitive": "none", "golden": "none"}


def choose(table: pd.DataFrame, target: str = "outcome", **given: str | None) -> Choices:
    questions = Questions({**ANSWERS, **given}, ask=False)
    return choosing.choose(table, describe(table), target, questions)


def refusal(table: pd.DataFrame, target: str = "outcome", **given: str | None) -> str:
    with pytest.raises(PipelineError) as error:
        choose(table, target, **given)
    return str(error.value)


def noted(choices: Choices) -> str:
    return "\n".join(finding.sentence for finding in choices.findings)


@pytest.mark.parametrize(
    ("task", "primary", "given"),
    [("binary", "roc_auc", {"positive": "yes"}), ("multiclass", "log_loss", {}), ("regression", "rmse", {})],
)
def test_the_task_follows_from_the_target(task: str, primary: str, given: dict[str, str]) -> None:
    values = choose(small_table(task), **given).values
    assert (values["task.type"], values["gate.primary"], values["data.key"]) == (task, primary, "id")
    assert values["task.positive"] == given.get("positive")


def test_nothing_is_guessed() -> None:
    lines = refusal(small_table("binary"), split=None, exclude=None, sensitive=None, golden=None).splitlines()
    assert [line.rpartition("Give --")[2] for line in lines] == [
        "positive 'no' or 'yes'" if lines[0].endswith("'yes'") else "positive 'yes' or 'no'",
        "split rows or time:since",
        "exclude none",
        "sensitive age or none",
        "golden public or none",
    ]


def test_a_few_whole_numbers_may_be_amounts_or_classes() -> None:
    table = small_table("regression").assign(outcome=np.arange(1200) % 5)
    assert "5 different whole numbers: are they amounts or classes? Give --task regression or multiclass" in refusal(
        table
    )
    assert choose(table, task="multiclass").values["task.type"] == "multiclass"
    assert choose(table.assign(outcome=np.arange(1200) % 21)).values["task.type"] == "regression"


def test_a_target_of_0_and_1_needs_no_answer_and_a_rare_one_is_judged_by_its_precision() -> None:
    choices = choose(small_table("binary").assign(outcome=(np.arange(1200) % 50 == 0).astype(int)))
    assert (choices.values["task.positive"], choices.values["gate.primary"]) == (1, "average_precision")
    assert "class 1 has 24 rows (2.00%), about 4 of them tested" in noted(choices)


@pytest.mark.parametrize(
    ("target", "values", "expected"),
    [
        ("absent", None, "--target: absent is no column"),
        ("outcome", "yes", "has the same value in all rows"),
        ("outcome", pd.Series(["yes", None] * 600), "is missing in 600 of 1,200 rows"),
        ("since", None, "since is a date"),
        ("outcome", [f"t{row}" for row in range(1200)], "1,200 different values, too many to be classes"),
    ],
)
def test_a_target_that_can_not_be_learned_is_refused(target: str, values: Any, expected: str) -> None:
    table = small_table("binary")
    assert expected in refusal(table if values is None else table.assign(outcome=values), target)


def test_empty_constant_and_identifying_columns_are_excluded_with_the_reason() -> None:
    table = small_table("regression").assign(
        nothing=None,
        same=1,
        mail=[f"m{row}@x" for row in range(1200)],
        row_no=np.arange(1200) * 7919,
        price=np.arange(1200) * 7919,
    )
    choices = choose(table)
    assert choices.values["features.exclude"] == ["nothing", "same", "mail", "row_no"]
    (decision,) = (one for one in choices.decisions if one.key == "features.exclude")
    assert (
        "nothing is empty; same has one value in all rows; mail is text with 1,200 different values"
        in decision.evidence
    )
    amounts = {column.name for column in describe(table) if column.amount}
    assert amounts == {"price"}, "a whole number that hardly repeats is an amount, unless it is named as an identifier"


def test_a_float_is_never_a_key() -> None:
    table = small_table("regression").drop(columns="id")
    assert choose(table.assign(x=np.random.default_rng(0).random(1200))).values["data.key"] is None


@pytest.mark.parametrize("rows", [1200, 12_000])
def test_patients_with_many_rows_are_asked_about_however_many_rows_there_are(rows: int) -> None:
    table = small_table("regression", rows=rows).assign(patient=[f"P{row % (rows // 4)}" for row in range(rows)])
    assert "patient has 4 rows a value)? Give --split rows or time:since or group:patient" in refusal(table, split=None)
    values = choose(table, split="group:patient").values
    assert (values["split.group"], values["split.time"]) == ("patient", None)


def test_slices_have_2_to_20_values_and_sensitive_columns_come_first() -> None:
    choices = choose(small_table("binary"), positive="yes", sensitive="age")
    assert choices.values["evaluate.slices"] == ["age", "town", "member"]
    assert choices.values["evaluate.sensitive"] == ["age"]
    assert "gate.fairness" not in choices.values
    assert choose(small_table("regression"), sensitive="age").values["gate.fairness"] is None


def test_by_time_the_monitors_windows_fit_the_volume() -> None:
    values = choose(small_table("regression"), split="time:since").values
    assert (values["split.time"], values["monitor.window"]) == ("since", "400 rows")
    assert choosing._window(1000) == "1 day"
    assert choosing._window(90) == "5 days"


def test_leaks_equal_rows_and_few_rows_are_named() -> None:
    table = small_table("binary", rows=600)
    doubled = pd.concat([table, table.assign(id=table["id"] + 600)], ignore_index=True)
    choices = choose(doubled.assign(paid=doubled["outcome"].eq("yes")), positive="yes")
    assert "leak: paid is the target; where it is not known in time: --exclude paid, else the gate fails" in noted(
        choices
    )
    assert "600 rows equal an earlier one in all columns but the key" in noted(choices)
    assert "paid" not in choices.values["features.exclude"], "nothing is dropped in silence"
    assert "300 rows are few" in noted(choose(small_table("regression", rows=300)))


def test_nearly_equal_rows_on_both_sides_are_counted() -> None:
    table = small_table("regression").drop(columns=["id", "outcome"])
    tested = np.arange(1200) % 5 == 0
    assert choosing.near_twins(table, tested) == 0
    income = table["income"].where(~tested, table["income"].shift(1).fillna(1) * 1.00001)
    twins = table.shift(1).bfill().assign(income=income).where(pd.Series(tested), table)
    assert choosing.near_twins(twins.assign(town=twins["town"].str.upper()), tested) > 0.8


@pytest.mark.parametrize(
    ("task", "primary", "metrics", "expected"),
    [
        ("binary", "roc_auc", {"roc_auc": {"value": 0.9, "lower": 0.8765}}, [("roc_auc", 0.85)]),
        ("multiclass", "log_loss", {"log_loss": {"value": 0.5, "upper": 0.6}}, [("log_loss", 0.66)]),
        ("regression", "rmse", {"rmse": {"value": 2e6, "upper": 3e6}}, [("rmse", 3.3e6)]),
        ("regression", "r2", {"r2": {"value": 0.5, "lower": 0.41}}, [("r2", 0.39)]),
    ],
)
def test_floors_leave_a_margin_below_the_first_run(task: Any, primary: str, metrics: Any, expected: Any) -> None:
    assert [(name, floor) for name, floor, _ in choosing.floors(metrics, task, primary)] == expected
