"""Bounds hold out of sample, family-wise, and follow Evidently's own figures."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.drift import stattests
from pipeline.watch.monitor import calibration
from pipeline.watch.monitor.calibration import Bounds, coded, family_bounds, grid
from pipeline.watch.monitor.reference_columns import population
from tests.pipeline.watch.monitor.factories import KINDS, settings, table

DRIFT = settings().drift


@pytest.mark.parametrize("name", KINDS)
def test_a_resamples_distance_is_evidentlys_own(name: str) -> None:
    column = population(table(1500), KINDS, DRIFT).columns[name]
    drawn = np.random.default_rng(1).choice(1500, 200, replace=False)
    left = np.setdiff1d(np.arange(1500), drawn)
    parts = column.values.iloc[left].dropna(), column.values.iloc[drawn].dropna()
    found = stattests.score(*parts, "num" if column.numeric else "cat", None, column.test)
    assert found is not None
    assert coded(column).distance(drawn) == pytest.approx(found.score, abs=1e-8)


def test_a_distance_of_nothing_is_none() -> None:
    empty = table(100).assign(income=np.nan)
    assert coded(population(empty, {"income": "number"}, DRIFT).columns["income"]).distance(np.arange(10)) == 0.0


def test_new_windows_are_beyond_as_seldom_as_was_asked_over_all_columns_together(tmp_path: Path) -> None:
    kinds = {name: kind for name, kind in KINDS.items() if name != "town"}
    reference = population(table(4000, seed=1), kinds, DRIFT)
    bounds = Bounds(reference, 0.1, 0.0, (200, 200), tmp_path / "bounds.json").of(200)
    over = 0
    for seed in range(100):
        fresh = table(200, seed=1000 + seed)  # of the same population, not of the reference
        scores = {name: column.score(fresh[name], None) for name, column in reference.columns.items()}
        over += any(found is not None and found.score > bounds[name] for name, found in scores.items())
    assert 2 <= over <= 20


def test_a_bound_is_never_below_evidentlys_threshold(tmp_path: Path) -> None:
    large = Bounds(population(table(20_000), KINDS, DRIFT), 0.05, None, (5000, 5000), tmp_path / "bounds.json").of(5000)
    assert set(large.values()) == {calibration.EVIDENTLY}


def test_a_smaller_window_has_a_wider_bound_and_a_size_between_takes_the_smaller_ones(tmp_path: Path) -> None:
    bounds = Bounds(population(table(3000), KINDS, DRIFT), 0.05, 0.0, (100, 1000), tmp_path / "bounds.json")
    assert bounds.of(100)["income"] > 1.5 * bounds.of(1000)["income"]
    assert bounds.of(124) == bounds.of(100)


def test_what_was_calibrated_is_kept_until_the_reference_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bounds.json"
    first = Bounds(population(table(1000), KINDS, DRIFT), 0.05, None, (200, 500), path).of(300)
    monkeypatch.setattr(Bounds, "_resampled", lambda *_: pytest.fail("calibrated again"))
    assert Bounds(population(table(1000), KINDS, DRIFT), 0.05, None, (200, 500), path).of(300) == first
    with pytest.raises(pytest.fail.Exception):
        Bounds(population(table(1000, seed=1), KINDS, DRIFT), 0.05, None, (200, 500), path).of(300)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
def test_a_damaged_cache_is_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bounds.json"
    path.write_text(content)
    assert Bounds(population(table(500), KINDS, DRIFT), 0.05, None, (100, 200), path).of(100)


def test_the_family_bound_leaves_out_as_many_draws_as_it_may() -> None:
    null = np.random.default_rng(0).gamma(2, 1, (999, 5)) * np.array([1, 10, 0.1, 3, 0])
    bounds = family_bounds(null, 0.05)
    assert (null > bounds).any(axis=1).sum() == 49
    assert bounds[1] / bounds[0] == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize(("ends", "sizes"), [((200, 200), (200,)), ((100, 150), (100, 125, 150)), ((50, 20), (20,))])
def test_the_grid_ends_at_both_ends(ends: tuple[int, int], sizes: tuple[int, ...]) -> None:
    assert grid(*ends) == sizes


def test_a_large_reference_is_sampled() -> None:
    drift = DRIFT.model_copy(update={"max_rows": 300})
    found = population(table(1000), KINDS, drift)
    assert found.rows == len(found.columns["town"].values) == 300
