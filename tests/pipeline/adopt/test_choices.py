"""Choices by the table alone, questions where it can't tell, and what a person should look at."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pipeline.adopt import choices as choosing
from pipeline.adopt import parameters, project_files
from pipeline.adopt.choices import Choices
from pipeline.adopt.columns import describe
from pipeline.adopt.questions import Questions, one_of
from pipeline.core import params
from pipeline.core.errors import PipelineError
from tests.pipeline.conftest import FROZEN, small_table

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
    assert "the monitor needs 50 tested rows" not in noted(choose(small_table("regression", rows=300)))
    assert "about 40 are tested, and intervals will be wide; the monitor needs 50 tested rows" in noted(
        choose(small_table("regression", rows=200))
    )


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


def test_a_wrong_answer_is_said_and_asked_again() -> None:
    questions = Questions({}, ask=True)
    with CliRunner().isolation(input="perhaps\nyes\n") as (output, *_):
        answer = questions.answer("positive", "Which value is positive?", ["no", "yes"], one_of(["no", "yes"]))
        shown = output.getvalue().decode()
    assert answer == "yes"
    assert shown.count("Which value is positive? [no, yes]: ") == 2
    assert "'perhaps' is none of no, yes" in shown


ODD = ["a, b", 'say "x"', "it's", "two\nlines", " leading", "größe", "{brace}", "# no comment", "none", "`tick`"]


def test_odd_names_of_columns_are_chosen_written_and_read_back(tmp_path: Path) -> None:
    table = small_table("binary").rename(columns={"income": "a, b", "outcome": 'did it "leave"?', "id": "the, id"})
    table = table.assign(**{name: np.arange(1200) % 7 for name in ODD[1:]})
    choices = choose(table, 'did it "leave"?', positive="yes", exclude="a, b", sensitive="two\nlines")
    assert (choices.values["data.key"], choices.values["features.exclude"]) == ("the, id", ["a, b"])
    assert choices.values["evaluate.sensitive"] == ["two\nlines"]
    values = parameters.with_choices(params.read(FROZEN / "params.yaml"), {**choices.values, "split.group": ODD[1]})
    path = tmp_path / "params.yaml"
    path.write_text(parameters.document(values), encoding="utf-8")
    written = params.read(path)
    assert (written.task.target, written.split.group) == ('did it "leave"?', 'say "x"')
    assert written.evaluate.slices[0] == "two\nlines"
    project_files.write(tmp_path, values, len(table), table.shape[1])
    tests = (tmp_path / "tests/project/model/test_behaviour.py").read_text(encoding="utf-8")
    names = {node.value for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Constant)}
    assert {'did it "leave"?', "the, id"} <= names


@pytest.mark.engine
def test_a_wide_table_is_chosen_of() -> None:
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(300, 2000)), columns=[f"x{place}" for place in range(2000)])
    wide["outcome"] = wide["x0"] + rng.normal(size=300)
    wide["x7"] = wide["outcome"] * 2
    choices = choose(wide)
    assert choices.values["features.exclude"] == []
    assert [leak.column for leak in choices.leaks] == ["x7"]
