"""Bounds hold out of sample and family-wise, and distances equal Evidently's own."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.drift import stattests
from pipeline.watch.monitor.calibration import Bounds, family_bounds, grid
from pipeline.watch.monitor.coded_columns import coded
from pipeline.watch.monitor.reference_columns import EVIDENTLY, reference_columns
from tests.pipeline.watch.monitor.factories import KINDS, settings, table

DRIFT = settings().drift


@pytest.mark.parametrize("name", KINDS)
def test_the_distance_of_a_resample_equals_evidentlys(name: str) -> None:
    column = reference_columns(table(1500), KINDS, DRIFT).columns[name]
    drawn = np.random.default_rng(1).choice(1500, 200, replace=False)
    rest = np.setdiff1d(np.arange(1500), drawn)
    parts = column.values.iloc[rest].dropna(), column.values.iloc[drawn].dropna()
    distance = stattests.score(*parts, "num" if column.numeric else "cat", None, column.test)
    assert isinstance(distance, stattests.Score)
    assert coded(column).distance(drawn) == pytest.approx(distance.score, abs=1e-8)


def test_the_distance_of_a_column_without_values_is_0() -> None:
    empty = table(100).assign(income=np.nan)
    assert coded(reference_columns(empty, {"income": "number"}, DRIFT).columns["income"]).distance(np.arange(10)) == 0.0


def test_new_windows_are_beyond_at_the_configured_rate_over_all_columns_together(tmp_path: Path) -> None:
    kinds = {name: kind for name, kind in KINDS.items() if name != "town"}
    reference = reference_columns(table(4000, seed=1), kinds, DRIFT)
    bounds = Bounds(reference, 0.1, 0.0, (200, 200), tmp_path / "bounds.json").of(200)
    beyond = 0
    for seed in range(100):
        fresh = table(200, seed=1000 + seed)  # from the same distribution, not from the reference
        scores = {name: column.score(fresh[name], None) for name, column in reference.columns.items()}
        beyond += any(
            isinstance(score, stattests.Score) and score.score > bounds[name] for name, score in scores.items()
        )
    assert 2 <= beyond <= 20


def test_one_absurd_value_in_the_reference_widens_no_other_columns_bound(tmp_path: Path) -> None:
    plain, odd = table(3000), table(3000)
    odd.loc[0, "income"] = 1e12
    before, after = (
        Bounds(reference_columns(rows, KINDS, DRIFT), 0.05, 0.0, (100, 100), tmp_path / f"{name}.json").of(100)
        for name, rows in (("plain", plain), ("odd", odd))
    )
    assert after["income"] > 1000 * before["income"]
    assert all(after[name] < 1.5 * before[name] for name in KINDS if name != "income")


def test_a_bound_is_never_below_evidentlys_threshold(tmp_path: Path) -> None:
    large = Bounds(
        reference_columns(table(20_000), KINDS, DRIFT), 0.05, None, (5000, 5000), tmp_path / "bounds.json"
    ).of(5000)
    assert set(large.values()) == {EVIDENTLY}


def test_a_smaller_window_has_a_wider_bound_and_sizes_are_rounded_down_to_the_grid(tmp_path: Path) -> None:
    bounds = Bounds(reference_columns(table(3000), KINDS, DRIFT), 0.05, 0.0, (100, 1000), tmp_path / "bounds.json")
    assert bounds.of(100)["income"] > 1.5 * bounds.of(1000)["income"]
    assert bounds.of(124) == bounds.of(100)


def test_bounds_are_cached_until_the_reference_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bounds.json"
    first = Bounds(reference_columns(table(1000), KINDS, DRIFT), 0.05, None, (200, 500), path).of(300)
    monkeypatch.setattr(Bounds, "_resamples", lambda *_: pytest.fail("calibrated again"))
    assert Bounds(reference_columns(table(1000), KINDS, DRIFT), 0.05, None, (200, 500), path).of(300) == first
    with pytest.raises(pytest.fail.Exception):
        Bounds(reference_columns(table(1000, seed=1), KINDS, DRIFT), 0.05, None, (200, 500), path).of(300)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
def test_a_damaged_cache_is_ignored(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bounds.json"
    path.write_text(content)
    assert Bounds(reference_columns(table(500), KINDS, DRIFT), 0.05, None, (100, 200), path).of(100)


def test_the_configured_share_of_draws_is_beyond_the_family_bounds() -> None:
    null = np.random.default_rng(0).gamma(2, 1, (999, 5)) * np.array([1, 10, 0.1, 3, 0])
    bounds = family_bounds(null, 0.05)
    assert (null > bounds).any(axis=1).sum() == 49
    assert bounds[1] / bounds[0] == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize(("ends", "sizes"), [((200, 200), (200,)), ((100, 150), (100, 125, 150)), ((50, 20), (20,))])
def test_the_grid_includes_both_ends(ends: tuple[int, int], sizes: tuple[int, ...]) -> None:
    assert grid(*ends) == sizes


def test_a_large_reference_is_sampled() -> None:
    drift = DRIFT.model_copy(update={"max_rows": 300})
    reference = reference_columns(table(1000), KINDS, drift)
    assert reference.rows == len(reference.columns["town"].values) == 300
