"""Each signal fires on what it is for, not on chance, and says why where it can't judge."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.predictions.windows import Window
from pipeline.watch.monitor.signals import NAMES, Found, Judge
from tests.pipeline.watch.monitor.factories import TOWNS, reference, settings, table, window


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def judged(shown: Window, before: int = 4, by_time: bool = True, **monitor: Any) -> dict[str, Found]:
    judge = Judge(reference(), settings(**monitor), "a")
    return judge.judged(shown, [window(day) for day in range(before)], by_time)


def beyond(found: dict[str, Found]) -> set[str]:
    return {name for name, said in found.items() if said.beyond}


def test_a_window_of_the_same_population_is_within_every_bound() -> None:
    found = judged(window(9))
    assert list(found) == list(NAMES)
    assert {name: said.beyond for name, said in found.items()} == dict.fromkeys(NAMES, False)


def test_a_moved_column_is_data_drift_and_is_named() -> None:
    moved = table(400).assign(income=lambda rows: rows["income"] * 3)
    found = judged(window(9, sample=moved))
    assert beyond(found) == {"data_drift"}
    assert "income (Wasserstein distance" in found["data_drift"].told
    ratio = found["data_drift"].columns["income"].ratio
    assert ratio is not None
    assert ratio == found["data_drift"].value
    assert ratio > 1


def test_a_category_that_the_reference_lacks_moves_its_column() -> None:
    towns = pd.Series(np.where(np.arange(400) < 300, "Oslo", [f"new {at}" for at in range(400)]), dtype="str")
    found = judged(window(9, sample=table(400).assign(town=towns), unseen={"town": 100}))
    assert beyond(found) == {"data_drift", "unseen"}
    assert found["unseen"].value == 0.25


def test_scores_that_moved_are_prediction_drift() -> None:
    plain = window(9)
    assert beyond(judged(replace(plain, answers=plain.answers.assign(score=0.9)))) >= {"prediction_drift"}


def test_a_worse_ranking_is_a_loss_of_performance_beyond_chance() -> None:
    assert beyond(judged(window(9, sharp=0.0))) >= {"performance"}
    found = judged(window(9, sharp=1.9))["performance"]
    assert found.beyond is False
    assert (found.bound or 0) > settings().monitor.performance


def test_a_rise_of_missing_values_is_told_and_the_usual_share_is_not() -> None:
    found = judged(window(9, missing={"income": 400 * 3 // 10}))
    assert beyond(found) == {"missing"}
    assert found["missing"].told.startswith("income: +")


def test_what_chance_gives_few_rows_is_no_rise_of_missing_values() -> None:
    assert judged(window(9, rows=100, missing={"income": 16}))["missing"].beyond is False


def test_a_fall_of_the_volume_is_told_also_where_too_few_rows_are_left_for_the_rest() -> None:
    found = judged(window(9, rows=30))
    assert beyond(found) == {"volume"}
    assert found["data_drift"] == Found(told="30 rows, 100 are needed")
    empty = window(9, rows=30, latency=None)
    assert beyond(judged(replace(empty, rows=0, releases={}))) == {"volume"}


@pytest.mark.parametrize(("before", "least"), [(2, 100), (4, 500)])
def test_volume_needs_windows_before_it_and_a_usual_volume(before: int, least: int) -> None:
    assert judged(window(9, rows=30), before=before, min_rows=least)["volume"].beyond is None


def test_windows_of_a_number_of_rows_have_no_volume() -> None:
    assert "volume" not in judged(window(9), by_time=False)


def test_latency_has_a_fixed_bound() -> None:
    assert beyond(judged(window(9, latency=101.0))) == {"latency"}


def test_predictions_and_performance_are_of_one_release_data_of_all() -> None:
    plain = window(9)
    other = np.arange(400) < 350
    mixed = plain.answers.assign(release=np.where(other, "b", "a"), score=plain.answers["score"].mask(other, 0.99))
    found = judged(replace(plain, answers=mixed))
    assert found["data_drift"].beyond is False
    assert found["prediction_drift"].told == "50 rows, 100 are needed"
    assert found["performance"].told == "50 labels of compared rows, 100 are needed"


@pytest.mark.parametrize(
    ("truth", "told"),
    [
        (None, "no labels were read (monitor.labels)"),
        (pd.Series(dtype="str"), "0 labels of compared rows, 100 are needed"),
        (pd.Series(["0"] * 400), "roc_auc is undefined: the labels are of one class"),
    ],
)
def test_performance_says_what_it_lacks(truth: "pd.Series[Any] | None", told: str) -> None:
    assert judged(window(9, truth=truth))["performance"] == Found(told=told)


def test_a_column_that_is_not_logged_is_left_out() -> None:
    found = judged(window(9, sample=table(400)[["town"]]))
    assert set(found["data_drift"].columns) == {"town"}
    assert judged(window(9, sample=table(400)[[]]))["data_drift"] == Found(told="no column can be compared")


def test_a_column_without_any_value_is_missing_not_drifted() -> None:
    empty = table(400).assign(income=np.nan)
    found = judged(window(9, sample=empty, missing={"income": 400}))
    assert beyond(found) == {"missing"}


def test_categories_that_are_often_new_are_expected() -> None:
    towns = [*TOWNS, *(f"village {at}" for at in range(300))]
    rare = reference()
    rare = replace(
        rare, train=rare.train.assign(town=pd.Series([towns[at % len(towns)] for at in range(303)] * 10)[:3000])
    )
    once = replace(rare, train=rare.train.iloc[:303].reset_index(drop=True))
    assert rare.novel["town"] == 0.0
    assert once.novel["town"] == 1.0
