"""Fairness figures are those of fairlearn, and their intervals are valid for groups of any size."""

from typing import Any

import fairlearn.metrics as fairlearn
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core import params
from pipeline.evaluation import fairness
from pipeline.evaluation.scoring import Scored
from tests.pipeline.conftest import FROZEN

EVALUATE = params.section(params.Evaluate, FROZEN / "params.yaml").model_copy(update={"bootstrap": 200})
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)
WHOLE = [(group, label, prediction) for group in "abc" for label in (0, 1) for prediction in (0, 1)]


def by_fairlearn(target: Any, predicted: Any, groups: Any) -> dict[str, float]:
    arguments = {"y_true": target, "y_pred": predicted, "sensitive_features": groups}
    return {
        "disparate_impact": fairlearn.demographic_parity_ratio(**arguments),
        "statistical_parity_difference": fairlearn.demographic_parity_difference(**arguments),
        "equal_opportunity_difference": fairlearn.equal_opportunity_difference(**arguments),
        "equalized_odds_difference": fairlearn.equalized_odds_difference(**arguments),
    }


@settings(deadline=None, max_examples=8)
@given(ROWS)
def test_figures_from_counts_are_those_of_fairlearn_from_rows(rows: list[Any]) -> None:
    groups, target, predicted = map(np.array, zip(*rows, *WHOLE, strict=True))  # every group has every kind of row
    names, counts = fairness.cells(target, predicted, groups)
    expected = by_fairlearn(target, predicted, groups)
    assert {name: float(value) for name, value in fairness.figures(counts).items()} == pytest.approx(expected)
    by_group, figures = fairness.by_fairlearn(names, counts)
    assert figures == pytest.approx(expected)
    assert by_group["a"]["selection_rate"] == pytest.approx(predicted[groups == "a"].mean())


def test_cells_count_each_label_and_prediction_of_each_group() -> None:
    names, counts = fairness.cells(
        np.array([1, 1, 0, 0]), np.array([1, 0, 0, 1]), pd.Series(["b", "b", "missing", "a"])
    )
    assert names == ("a", "b", "missing")
    assert counts.tolist() == [[[0, 1], [0, 0]], [[0, 0], [1, 1]], [[1, 0], [0, 0]]]


def test_a_group_without_positives_is_left_out_of_true_positive_rates() -> None:
    counts = np.array([[[50, 10], [10, 30]], [[60, 10], [20, 20]], [[7, 3], [0, 0]]])
    by_group, figures = fairness.by_fairlearn(("a", "b", "c"), counts)
    assert by_group["c"]["true_positive_rate"] is None
    assert by_group["c"]["false_positive_rate"] == pytest.approx(0.3)
    assert figures["equal_opportunity_difference"] == pytest.approx(0.25)
    assert {name: float(value) for name, value in fairness.figures(counts).items()} == pytest.approx(figures)
    difference = fairness.estimates(counts, 500, 0.95, 0)["equal_opportunity_difference"]
    assert 0 < difference.lower < 0.25 < difference.upper < 0.6


def test_without_positive_predictions_the_ratio_is_undefined() -> None:
    counts = np.array([[[5, 0], [5, 0]], [[5, 0], [5, 0]]])
    assert np.isnan(fairness.figures(counts)["disparate_impact"])
    estimates = fairness.estimates(counts, 200, 0.95, 0)
    assert estimates["disparate_impact"].to_json() == {"value": None, "lower": None, "upper": None}
    assert estimates["statistical_parity_difference"].value == 0


def test_a_single_group_has_a_ratio_of_1_without_an_interval() -> None:
    estimates = fairness.estimates(np.array([[[5, 2], [5, 7]]]), 200, 0.95, 0)
    assert estimates["disparate_impact"].value == 1
    assert np.isnan(estimates["disparate_impact"].lower)


def test_intervals_of_differences_and_ratios_have_about_their_nominal_coverage() -> None:
    rng, covered, ratio_covered = np.random.default_rng(0), 0, 0
    for seed in range(200):
        selected = rng.binomial([400, 300], [0.3, 0.2])
        counts = np.array([[[400 - selected[0], selected[0]], [1, 1]], [[300 - selected[1], selected[1]], [1, 1]]])
        estimates = fairness.estimates(counts, 300, 0.95, seed)
        difference, ratio = estimates["statistical_parity_difference"], estimates["disparate_impact"]
        covered += difference.lower <= 0.1 <= difference.upper
        ratio_covered += ratio.lower <= 2 / 3 <= ratio.upper
    assert 182 <= covered <= 199
    assert 182 <= ratio_covered <= 199


def test_the_interval_of_equal_groups_includes_equality_for_many_groups() -> None:
    counts = np.random.default_rng(1).multinomial(400, [0.4, 0.2, 0.1, 0.3], size=12).reshape(12, 2, 2)
    estimates = fairness.estimates(counts, 500, 0.95, 0)
    assert estimates["statistical_parity_difference"].lower == 0
    assert estimates["disparate_impact"].upper == 1


def test_two_positives_are_no_evidence_of_unfairness() -> None:
    counts = np.array([[[500, 100], [100, 150]], [[24, 3], [2, 0]]])
    difference = fairness.estimates(counts, 1000, 0.95, 0)["equal_opportunity_difference"]
    assert difference.value == pytest.approx(0.6)
    assert difference.lower < 0.15


def scored(task: Any, target: Any, score: Any, groups: list[str]) -> Scored:
    keys = np.arange(len(groups)).astype(str)
    table = pd.DataFrame({"sex": groups})
    return Scored(task, np.array(target, float), np.array(score), keys, ("a", "b"), 0.5, sensitive=table)


def test_the_report_of_a_binary_model_has_sizes_rates_and_figures_with_intervals() -> None:
    target, score = [1, 1, 0, 0, 1, 1, 0, 0] * 20, [0.9, 0.1, 0.2, 0.3, 0.9, 0.6, 0.7, 0.1] * 20
    report = fairness.report(scored("binary", target, score, (["f"] * 4 + ["m"] * 4) * 20), EVALUATE)["sex"]
    assert report["groups"][0] == {
        "group": "f",
        "rows": 80,
        "positives": 40,
        "negatives": 40,
        "selection_rate": 0.25,
        "true_positive_rate": 0.5,
        "false_positive_rate": 0.0,
    }
    assert report["disparate_impact"]["value"] == pytest.approx(1 / 3)
    assert report["disparate_impact"]["lower"] < 1 / 3 < report["disparate_impact"]["upper"]
    assert report["equalized_odds_difference"]["value"] == pytest.approx(0.5)


def test_several_classes_are_compared_by_accuracy() -> None:
    score = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]] * 20
    report = fairness.report(scored("multiclass", [0, 1, 1, 0] * 20, score, ["f", "f", "m", "m"] * 20), EVALUATE)["sex"]
    women, men = report["groups"]
    assert women == {"group": "f", "rows": 40, "accuracy": {"value": 1.0, "lower": 1.0, "upper": 1.0}}
    assert (men["rows"], men["accuracy"]["value"]) == (40, 0.5)
    assert 0.3 < men["accuracy"]["lower"] < 0.5 < men["accuracy"]["upper"] < 0.7
    assert ordered(report["accuracy_difference"], 0.5)


def ordered(figure: dict[str, float], value: float) -> bool:
    return figure["lower"] < figure["value"] == pytest.approx(value) and figure["value"] < figure["upper"]


def test_a_regression_is_compared_by_error_and_mean_prediction() -> None:
    target, score, groups = [1, 2, 3, 5] * 20, [1, 4, 3, 4] * 20, ["f", "f", "m", "m"] * 20
    report = fairness.report(scored("regression", target, score, groups), EVALUATE)["sex"]
    women = report["groups"][0]
    assert (women["group"], women["rows"]) == ("f", 40)
    assert ordered(women["mae"], 1.0)
    assert ordered(women["mean_prediction"], 2.5)
    assert ordered(women["mean_target"], 1.5)
    assert ordered(report["mae_difference"], 0.5)
    assert ordered(report["mean_prediction_difference"], 1.0)
    assert fairness.report(scored("regression", target, score, groups), EVALUATE)["sex"] == report


def test_intervals_of_a_group_and_of_a_difference_have_about_their_nominal_coverage() -> None:
    rng, covered, apart = np.random.default_rng(2), 0, 0
    for seed in range(100):
        target = np.append(rng.normal(0, 1, 80), rng.normal(1, 1, 60))
        rows = scored("regression", target, np.zeros(140), ["f"] * 80 + ["m"] * 60)
        report = fairness.report(rows, EVALUATE.model_copy(update={"seed": seed}))["sex"]
        mean, difference = report["groups"][0]["mean_target"], report["mean_target_difference"]
        covered += mean["lower"] <= 0 <= mean["upper"]
        apart += difference["lower"] <= 1 <= difference["upper"]
    assert 87 <= covered <= 99
    assert 87 <= apart <= 99


def test_the_interval_of_many_equal_groups_includes_equality_in_a_regression_too() -> None:
    target = np.random.default_rng(3).normal(size=800)
    report = fairness.report(scored("regression", target, np.zeros(800), [str(i % 8) for i in range(800)]), EVALUATE)
    assert report["sex"]["mean_target_difference"]["lower"] == 0


def test_a_group_of_one_row_has_a_figure_and_no_interval() -> None:
    report = fairness.report(scored("regression", [1, 2, 3], [1, 4, 3], ["f", "f", "m"]), EVALUATE)["sex"]
    assert report["groups"][1]["mae"] == {"value": 0.0, "lower": None, "upper": None}
    assert report["mae_difference"] == {"value": 1.0, "lower": None, "upper": None}
    single_group = fairness.report(scored("regression", [1, 2], [1, 4], ["f", "f"]), EVALUATE)["sex"]
    assert single_group["mae_difference"] == {"value": 0.0, "lower": None, "upper": None}
