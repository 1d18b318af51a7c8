"""How well one feature alone gives the target."""

import numpy as np
import pytest

from pipeline.evaluation.single_feature import strength

RNG = np.random.default_rng(0)
TARGET = (RNG.random(4000) < 0.3).astype(float)
HALVES = slice(0, 2000), slice(2000, None)


def of(values: np.ndarray, target: np.ndarray = TARGET, task: str = "binary", classes: int = 2) -> float | None:
    first, second = HALVES
    return strength(task, classes, (values[first], target[first]), (values[second], target[second]))  # type: ignore[arg-type]


def test_the_target_itself_gives_it_completely() -> None:
    assert of(TARGET * 3 - 1) == 1.0
    assert of(TARGET == 1) == 1.0
    assert of(np.array(["late" if value else None for value in TARGET], dtype=object)) == 1.0


def test_the_target_is_found_where_it_is_missing_values_that_tell() -> None:
    assert of(np.where(TARGET == 1, np.nan, RNG.random(4000))) == 1.0


def test_a_relation_that_is_not_monotone_counts() -> None:
    values = np.where(TARGET == 1, RNG.choice([-3.0, 3.0], 4000), RNG.normal(0, 0.1, 4000))
    assert of(values) == pytest.approx(1.0, abs=0.01)


def test_noise_gives_nothing() -> None:
    assert of(RNG.random(4000)) == pytest.approx(0.5, abs=0.05)
    assert of(np.full(4000, np.nan)) == 0.5


def test_a_category_that_no_training_row_has_counts_as_the_mean() -> None:
    values = np.array(["a"] * 2000 + ["b"] * 2000, dtype=object)
    assert of(values) == 0.5


def test_of_several_classes_the_one_that_it_gives_best_counts() -> None:
    target = RNG.integers(0, 3, 4000)
    assert of((target == 2).astype(float), target, "multiclass", 3) == 1.0


def test_a_value_is_explained_by_the_feature_that_it_is_made_of() -> None:
    values = RNG.normal(0, 1, 4000)
    almost = of(values, values * 2 + 1, "regression", 0)
    assert almost is not None
    assert 0.95 < almost < 1
    nothing = of(RNG.random(4000), values, "regression", 0)
    assert nothing is not None
    assert nothing < 0.1


def test_one_class_alone_has_no_figure() -> None:
    assert of(RNG.random(4000), np.zeros(4000)) is None
