"""Each signal responds to the change it is for, not to chance, and says why where it can't be judged."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.predictions import periods
from pipeline.predictions.windows import Window
from pipeline.watch.monitor.signals import NAMES, Judge
from pipeline.watch.monitor.window_signal import WindowSignal, ratio
from tests.pipeline.watch.monitor.factories import reference, settings, table, window

DAY = periods.size("1 day")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def signals_of(current: Window, previous: int = 4, by_time: bool = True, **monitor: Any) -> dict[str, WindowSignal]:
    judge = Judge(reference(), settings(**monitor), "a", DAY)
    return judge.signals(current, [window(day) for day in range(previous)], by_time)


def beyond(signals: dict[str, WindowSignal]) -> set[str]:
    return {name for name, signal in signals.items() if signal.beyond}


def test_a_window_of_the_same_distribution_is_within_every_bound() -> None:
    signals = signals_of(window(9))
    assert list(signals) == list(NAMES)
    assert {name: signal.beyond for name, signal in signals.items()} == dict.fromkeys(NAMES, False)


def test_a_shifted_column_is_data_drift_and_is_named() -> None:
    shifted = table(400).assign(income=lambda rows: rows["income"] * 3)
    signals = signals_of(window(9, sample=shifted))
    assert beyond(signals) == {"data_drift"}
    assert "income (Wasserstein distance" in signals["data_drift"].detail
    ratio = signals["data_drift"].columns["income"].ratio
    assert ratio is not None
    assert ratio == signals["data_drift"].value
    assert ratio > 1


@pytest.mark.parametrize("value", [1e200, 1.7976931348623157e308, -1.7e308, np.inf])
def test_one_absurd_value_hides_no_drift(value: float) -> None:
    shifted = table(400).assign(income=lambda rows: rows["income"] * 3)
    shifted.loc[0, "income"] = value
    signal = signals_of(window(9, sample=shifted))["data_drift"]
    assert signal.beyond
    assert signal.value is not None
    assert 1 < signal.value < np.inf
    assert "1 of 4 columns beyond, furthest income" in signal.detail


def test_a_window_of_numbers_at_both_ends_of_double_precision_is_beyond_by_a_finite_figure() -> None:
    absurd = table(400).assign(income=np.where(np.arange(400) % 2, 1e308, -1e308))
    signal = signals_of(window(9, sample=absurd))["data_drift"]
    assert signal.beyond
    assert signal.value is not None
    assert max(signal.value, signal.columns["income"].distance.score) < np.inf


def test_a_bound_of_zero_is_passed_by_any_distance() -> None:
    assert ratio(0.0, 0.0) == 0.0
    assert 1 < ratio(1e-9, 0.0) < np.inf
    assert 1 < ratio(1e100, 1e-300) < np.inf


def test_a_reference_of_few_rows_says_which_columns_it_can_not_judge() -> None:
    few = replace(reference(), train=table(75).assign(income=lambda rows: rows["income"] ** 3))
    judge = Judge(few, settings(), "a", DAY)
    signal = judge.signals(window(9), [], by_time=True)["data_drift"]
    unclear = {name for name, column in signal.columns.items() if not column.judged}
    assert unclear == {"income"}
    assert "too few or too uneven to judge by are the 75 reference rows of income (bound " in signal.detail


def test_a_reference_that_can_judge_no_column_is_no_all_clear() -> None:
    few = replace(reference(), kinds={"income": "number"}, train=table(75)[["income"]] ** 3)
    signal = Judge(few, settings(), "a", DAY).signals(window(9), [], by_time=True)["data_drift"]
    assert (signal.beyond, signal.value) == (None, None)
    assert signal.detail.startswith("no column can be judged; too few or too uneven to judge by are the 75 reference")


@pytest.mark.parametrize("value", [1e12, 1e200, 1.7e308])
def test_one_absurd_value_in_the_reference_blinds_its_column_which_is_said(value: float) -> None:
    odd = table(3000)
    odd.loc[0, "income"] = value
    judge = Judge(replace(reference(), train=odd), settings(), "a", DAY)
    shifted = table(400).assign(income=lambda rows: rows["income"] * 3, town="Oslo")
    signal = judge.signals(window(9, sample=shifted), [], by_time=True)["data_drift"]
    assert signal.beyond
    assert "furthest town" in signal.detail
    assert "too few or too uneven to judge by are the 3,000 reference rows of income" in signal.detail


def test_a_column_without_a_value_in_the_reference_is_not_compared_and_that_is_said() -> None:
    empty = replace(reference(), train=table(3000).assign(income=np.nan))
    signal = Judge(empty, settings(), "a", DAY).signals(window(9), [], by_time=True)["data_drift"]
    assert signal.beyond is False
    assert signal.detail.endswith("; not compared: income (no value in the reference)")


def test_a_category_that_the_reference_lacks_moves_its_column() -> None:
    towns = pd.Series(np.where(np.arange(400) < 300, "Oslo", [f"new {number}" for number in range(400)]), dtype="str")
    signals = signals_of(window(9, sample=table(400).assign(town=towns), unseen={"town": 100}))
    assert beyond(signals) == {"data_drift", "unseen"}
    assert signals["unseen"].value == 0.25


def test_shifted_scores_are_prediction_drift() -> None:
    plain = window(9)
    assert beyond(signals_of(replace(plain, answers=plain.answers.assign(score=0.9)))) >= {"prediction_drift"}


def test_a_worse_ranking_is_a_loss_of_performance_beyond_chance() -> None:
    assert beyond(signals_of(window(9, sharp=0.0))) >= {"performance"}
    signals = signals_of(window(9, sharp=1.9))["performance"]
    assert signals.beyond is False
    assert settings().monitor.performance.score == 0.02
    assert (signals.bound or 0) > 0.02


def test_a_rise_of_missing_values_is_reported_and_the_usual_share_is_not() -> None:
    signals = signals_of(window(9, missing={"income": 400 * 3 // 10}))
    assert beyond(signals) == {"missing"}
    assert signals["missing"].detail.startswith("income: +")


def test_a_rise_that_chance_explains_is_not_beyond() -> None:
    assert signals_of(window(9, rows=100, missing={"income": 16}))["missing"].beyond is False


def test_a_drop_of_the_volume_is_reported_even_with_too_few_rows_for_the_rest() -> None:
    signals = signals_of(window(9, rows=30))
    assert beyond(signals) == {"volume"}
    assert signals["data_drift"] == WindowSignal(detail="30 rows, 100 are needed: longer windows hold more")
    empty = window(9, rows=30, latency=None)
    assert beyond(signals_of(replace(empty, rows=0, releases={}))) == {"volume"}


@pytest.mark.parametrize(("previous", "minimum"), [(2, 100), (4, 500)])
def test_volume_needs_previous_windows_and_a_usual_volume(previous: int, minimum: int) -> None:
    assert signals_of(window(9, rows=30), previous=previous, min_rows=minimum)["volume"].beyond is None


def test_windows_of_a_number_of_rows_have_no_volume() -> None:
    assert "volume" not in signals_of(window(9), by_time=False)


def test_latency_has_a_fixed_bound() -> None:
    assert beyond(signals_of(window(9, latency=101.0))) == {"latency"}


def test_predictions_and_performance_are_of_one_release_data_of_all() -> None:
    plain = window(9)
    other = np.arange(400) < 350
    mixed = plain.answers.assign(release=np.where(other, "b", "a"), score=plain.answers["score"].mask(other, 0.99))
    signals = signals_of(replace(plain, answers=mixed))
    assert signals["data_drift"].beyond is False
    assert signals["prediction_drift"].detail == "50 rows, 100 are needed: longer windows hold more"
    assert signals["performance"].detail == "50 labels, 100 are needed"


@pytest.mark.parametrize(
    ("truth", "detail"),
    [
        (None, "no labels were read (monitor.labels)"),
        (pd.Series(dtype="str"), "0 labels, 100 are needed"),
        (pd.Series(["0"] * 400), "roc_auc is undefined on these labels: they are of one class"),
    ],
)
def test_performance_says_why_it_can_not_be_judged(truth: "pd.Series[Any] | None", detail: str) -> None:
    assert signals_of(window(9, truth=truth))["performance"] == WindowSignal(detail=detail)


def test_a_column_that_is_not_logged_is_left_out() -> None:
    signals = signals_of(window(9, sample=table(400)[["town"]]))
    assert set(signals["data_drift"].columns) == {"town"}
    assert "not compared: income (not logged), member (not logged), since (not logged)" in signals["data_drift"].detail
    nothing = signals_of(window(9, sample=table(400)[[]]))["data_drift"]
    assert nothing.beyond is None
    assert nothing.detail.startswith("no column can be judged; not compared: income (not logged), town (not logged)")


def test_a_column_without_any_value_is_missing_not_drifted() -> None:
    empty = table(400).assign(income=np.nan)
    signals = signals_of(window(9, sample=empty, missing={"income": 400}))
    assert beyond(signals) == {"missing"}
