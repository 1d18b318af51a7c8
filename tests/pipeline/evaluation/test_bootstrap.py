"""Intervals have their nominal coverage, and the same seed gives the same interval."""

import numpy as np
import pytest

from pipeline.evaluation import bootstrap
from pipeline.evaluation.bootstrap import Estimate, estimate, intervals, paired, resamples
from pipeline.evaluation.scoring import Scored


def scored(target: np.ndarray, score: np.ndarray, task: str = "binary", threshold: float | None = 0.5) -> Scored:
    return Scored(task, target, score, np.arange(len(target)).astype(str), threshold=threshold)  # type: ignore[arg-type]


def normal_scores(rows: int, seed: int, distance: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = (rng.random(rows) < 0.5).astype(float)
    return target, 1 / (1 + np.exp(-rng.normal(target * distance)))


def test_resampled_counts_are_poisson_with_mean_one() -> None:
    counts = np.concatenate(list(resamples(2000, 500, seed=0)))
    assert counts.shape == (500, 2000)
    assert counts.mean() == pytest.approx(1, abs=0.005)
    assert counts.var() == pytest.approx(1, abs=0.01)
    assert np.mean(counts == 0) == pytest.approx(np.exp(-1), abs=0.002)


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    first, again, other = (np.concatenate(list(resamples(50, 30, seed=seed))) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_many_rows_are_drawn_in_chunks_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "CELLS", 5000)
    chunks = list(resamples(1000, 12, seed=0))
    assert [len(chunk) for chunk in chunks] == [5, 5, 2]
    assert len(next(resamples(10_000, 1, seed=0))) == 1  # one resample even where it is over the limit


def test_the_interval_of_the_mean_error_covers_the_truth_95_times_in_100() -> None:
    truth, covered = np.sqrt(2 / np.pi), 0
    for seed in range(200):
        error = np.random.default_rng(seed).normal(size=150)
        interval = intervals("regression", ["mae"], scored(error, np.zeros(150), "regression"), 300, 0.95, seed)["mae"]
        covered += interval.lower <= truth <= interval.upper
    assert 180 <= covered <= 198


def test_the_interval_of_roc_auc_covers_the_truth_95_times_in_100() -> None:
    truth, covered = 0.7602499, 0  # of normal scores one standard deviation apart: the normal integral of 1 / sqrt(2)
    for seed in range(200):
        interval = intervals("binary", ["roc_auc"], scored(*normal_scores(200, seed)), 300, 0.95, seed)["roc_auc"]
        covered += interval.lower <= truth <= interval.upper
    assert 180 <= covered <= 198


def test_more_confidence_is_a_wider_interval() -> None:
    rows = scored(*normal_scores(300, 0))
    wide, narrow = (intervals("binary", ["roc_auc"], rows, 400, level, 0)["roc_auc"] for level in (0.99, 0.8))
    assert wide.lower < narrow.lower < narrow.value < narrow.upper < wide.upper
    assert wide.value == narrow.value


def test_the_interval_of_the_calibration_error_reaches_zero_for_a_calibrated_model_and_not_for_another() -> None:
    rng = np.random.default_rng(5)
    chance = rng.random(3000)
    target = (rng.random(3000) < chance).astype(float)
    calibrated = intervals("binary", ["calibration_error"], scored(target, chance), 300, 0.95, 0)["calibration_error"]
    biased = intervals("binary", ["calibration_error"], scored(target, chance**2), 300, 0.95, 0)["calibration_error"]
    assert calibrated.lower < 0.005
    assert calibrated.lower <= calibrated.value <= calibrated.upper < 0.05
    assert 0.1 < biased.lower <= biased.value <= biased.upper


def test_a_model_compared_with_itself_does_not_differ() -> None:
    target, score = normal_scores(200, 1)
    assert paired("binary", "roc_auc", target, score, score, 100, 0.95, 0) == Estimate(0, 0, 0)


def test_a_better_model_gains_and_pairing_makes_the_interval_narrow() -> None:
    target, score = normal_scores(500, 2)
    better = np.clip(score + 0.02 * (2 * target - 1), 0, 1)
    gain = paired("binary", "roc_auc", target, better, score, 300, 0.95, 0)
    unpaired = intervals("binary", ["roc_auc"], scored(target, score), 300, 0.95, 0)["roc_auc"]
    assert 0 < gain.lower < gain.value < gain.upper
    assert gain.upper - gain.lower < (unpaired.upper - unpaired.lower) / 3


def test_each_model_decides_by_its_own_threshold() -> None:
    target, score = normal_scores(300, 3)
    moved = paired(
        "binary", "f1", target, score / 2, score, 100, 0.95, 0, candidate_threshold=0.25, champion_threshold=0.5
    )
    assert moved == Estimate(0, 0, 0)


def test_a_figure_that_is_undefined_has_no_interval() -> None:
    interval = intervals("binary", ["roc_auc"], scored(np.ones(20), np.linspace(0, 1, 20)), 100, 0.95, 0)["roc_auc"]
    assert np.isnan([interval.value, interval.lower, interval.upper]).all()
    assert interval.to_json() == {"value": None, "lower": None, "upper": None}


def test_undefined_resamples_are_left_out_unless_they_are_the_majority() -> None:
    few = estimate(1.0, np.array([np.nan, 0.0, 1.0, 2.0]), 0.5)
    assert (few.lower, few.upper) == (0.5, 1.5)
    assert np.isnan(estimate(1.0, np.array([np.nan, np.nan, np.nan, 2.0]), 0.5).lower)


def test_too_few_rows_have_a_figure_and_no_interval() -> None:
    separated = scored(np.array([0.0] * 6 + [1.0] * 3), np.array([0.1] * 6 + [0.9] * 3))
    found = intervals("binary", ["roc_auc", "log_loss"], separated, 100, 0.95, 0)
    assert found["roc_auc"].to_json() == {"value": 1.0, "lower": None, "upper": None}
    assert found["log_loss"].to_json()["lower"] is None


def test_few_rows_of_one_class_have_an_interval_of_what_does_not_hang_on_it() -> None:
    target = np.array([0.0] * 200 + [1.0] * 19)
    found = intervals("binary", ["roc_auc", "log_loss"], scored(target, np.linspace(0, 1, 219)), 100, 0.95, 0)
    assert found["roc_auc"].to_json()["lower"] is None
    assert found["log_loss"].to_json()["lower"] is not None


def test_few_rows_show_no_change_only_where_nothing_changed() -> None:
    target, score = np.array([0.0] * 6 + [1.0] * 3), np.array([0.1] * 6 + [0.9] * 3)
    assert paired("binary", "roc_auc", target, score, score, 100, 0.95, 0).to_json() == dict.fromkeys(
        ("value", "lower", "upper"), 0.0
    )
    other = paired("binary", "roc_auc", target, score, score**2, 100, 0.95, 0)
    assert other.to_json() == {"value": 0.0, "lower": None, "upper": None}


def test_an_undefined_interval_of_the_calibration_error_stays_undefined() -> None:
    undefined = bootstrap._with_interval("calibration_error", 0.1, np.full(100, np.nan), 0.95)
    assert np.isnan([undefined.lower, undefined.upper]).all()
