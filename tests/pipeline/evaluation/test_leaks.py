"""Columns that give the target away are named with figures; columns of a clean table are not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.adopt import leaks
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
