"""Columns that give the target away are named with figures; columns of a clean table are not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation import leaks
from tests.pipeline.conftest import small_table

COLUMNS = ["income", "age", "town", "member", "since"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_clean_table_has_none(task: Any) -> None:
    assert leaks.find(small_table(task), "outcome", task, COLUMNS, "id") == []


def code(table: pd.DataFrame, task: str) -> "pd.Series[Any]":
    return table["outcome"] if task == "regression" else table["outcome"].astype("category").cat.codes.astype(float)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_each_kind_of_leak_is_found(task: Any) -> None:
    table, rng = small_table(task), np.random.default_rng(1)
    goal = code(table, task)
    table["copy"] = table["outcome"]
    table["late"] = goal + rng.normal(0, 0.02, len(table))
    table["gap"] = np.where(goal > goal.median() if task == "regression" else goal > 0, np.nan, rng.random(len(table)))
    table = table.sort_values("outcome", ignore_index=True).assign(id=np.arange(1200))
    found = leaks.find(table, "outcome", task, [*COLUMNS, "copy", "late", "gap"], "id")
    assert {leak.column for leak in found if leak.proven} >= {"copy", "late"}
    assert {leak.how for leak in found} == {"equal", "alone", "missing", "order", "key"}
    assert not {leak.column for leak in found} & set(COLUMNS)


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        ("multiclass", "gap: whether it is missing tells two groups of classes apart: ROC AUC 1.000 on"),
        ("regression", "gap: whether it is missing tells two ranges of the target apart: ROC AUC 1.000 on"),
    ],
)
def test_gaps_that_tell_a_part_of_the_target_are_named_and_prove_nothing(task: Any, sentence: str) -> None:
    table = small_table(task, rows=300)
    goal = code(table, task)
    often = goal > goal.median() if task == "regression" else goal > 1
    table["gap"] = np.where(often, np.nan, np.arange(300))
    table["gap"] = table["gap"].where(table["gap"].isna(), np.random.default_rng(1).random(300))
    (leak,) = leaks.find(table, "outcome", task, [*COLUMNS, "gap"])
    assert leak.sentence.startswith(sentence)
    assert not leak.proven


def test_the_figure_is_that_of_held_out_rows() -> None:
    table = small_table("binary")
    table["late"] = code(table, "binary") + np.random.default_rng(1).normal(0, 0.3, len(table))
    (leak,) = leaks.find(table, "outcome", "binary", [*COLUMNS, "late"])
    assert (leak.column, leak.how, leak.proven) == ("late", "alone", False)
    assert leak.sentence == f"late alone predicts the target: ROC AUC {(1 + leak.skill) / 2:.3f} on 427 held-out rows"


def test_text_that_repeats_the_target_in_other_words_is_the_target() -> None:
    table = small_table("binary").assign(state=lambda t: t["outcome"].map({"yes": "left", "no": "stayed"}))
    (leak,) = leaks.find(table, "outcome", "binary", [*COLUMNS, "state"])
    assert leak.sentence == "state is the target"


def test_two_columns_of_rare_ones_are_not_equal_because_both_are_rare() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.random(20_000) < 0.003, "outcome": rng.random(20_000) < 0.01})
    assert leaks.find(table, "outcome", "binary", ["x"]) == []


def test_of_few_rows_only_the_target_itself_is_named() -> None:
    table = small_table("binary", rows=40).assign(copy=lambda t: t["outcome"])
    table["late"] = code(table, "binary") + 0.1
    table["late"] += np.random.default_rng(0).normal(0, 0.01, 40)
    assert [leak.column for leak in leaks.find(table, "outcome", "binary", ["copy", "late"])] == ["copy"]


def test_what_is_proven_fails_the_gate_and_a_strong_column_does_not() -> None:
    table, rng = small_table("binary"), np.random.default_rng(1)
    goal = code(table, "binary")
    table["late"], table["strong"] = goal + rng.normal(0, 0.02, 1200), goal + rng.normal(0, 0.3, 1200)
    table["gap"] = np.where(goal > 0, np.nan, rng.random(1200))
    proven = leaks.proven(table, "outcome", "binary", [*COLUMNS, "gap", "strong", "late"])
    assert [(leak.column, leak.how) for leak in proven] == [("gap", "missing"), ("late", "alone")]


def test_few_rows_prove_nothing_as_they_may_look_perfect_by_chance() -> None:
    table = small_table("binary", rows=200)
    table["late"] = code(table, "binary") + np.random.default_rng(1).normal(0, 0.02, 200)
    (leak,) = leaks.find(table, "outcome", "binary", [*COLUMNS, "late"])
    assert (leak.column, leak.proven) == ("late", False)
    assert leaks.proven(table, "outcome", "binary", [*COLUMNS, "late"]) == []


def test_a_rare_class_and_an_amount_are_seen_through_groups_of_rows() -> None:
    rng = np.random.default_rng(0)
    rare = pd.DataFrame({"outcome": rng.random(20_000) < 0.01})
    rare["late"] = rare["outcome"] + rng.normal(0, 0.05, 20_000)
    assert [leak.column for leak in leaks.proven(rare, "outcome", "binary", ["late"])] == ["late"]
    amounts = pd.DataFrame({"outcome": rng.lognormal(0, 0.5, 20_000)})
    amounts["late"] = amounts["outcome"] * 1.1 + rng.normal(0, 0.05, 20_000)
    amounts["other"] = rng.lognormal(0, 0.5, 20_000)
    found = leaks.find(amounts, "outcome", "regression", ["late", "other"])
    assert [leak.column for leak in found] == ["late"]


def test_no_model_is_trained_of_columns_that_tell_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks.Trial, "skill", lambda *_, **__: pytest.fail("a model was trained"))
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((500, 30)), columns=[f"x{place}" for place in range(30)])
    assert leaks.proven(table.assign(outcome=rng.random(500) < 0.5), "outcome", "binary", list(table.columns)) == []


def test_rows_are_held_out_as_the_split_does() -> None:
    """What tells whose rows they are, or when they were, is no leak where no person, or no day, is on both sides."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 50)
    sick = rng.random(40) < 0.5
    table = pd.DataFrame({"person": person, "ward": [f"W{one}" for one in person], "outcome": sick[person]})
    assert [leak.column for leak in leaks.proven(table, "outcome", "binary", ["ward"])] == ["ward"]
    assert leaks.proven(table, "outcome", "binary", ["ward"], leaks.Apart(group="person")) == []
    days = pd.date_range("2020-01-01", periods=1000)
    growing = pd.DataFrame({"day": days, "week": np.arange(1000) // 7, "outcome": np.arange(1000.0)})
    assert [leak.column for leak in leaks.proven(growing, "outcome", "regression", ["week"])] == ["week"]
    assert leaks.proven(growing, "outcome", "regression", ["week"], leaks.Apart(time="day")) == []
