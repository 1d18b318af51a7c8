"""Fairness fails where the whole interval lies beyond the bound and the champion is not as unfair already."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.scoring import Scored
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.gate.judge import judge
from tests.pipeline.review.gate.scored_tables import CLEAN, NO_CHAMPION, binary, fairness, gate, main, rule


def selecting(share: dict[str, float], rows: int = 2000, seed: int = 0) -> Scored:
    """Groups of equal size; `share` of each group is selected, whatever the target."""
    scored = binary(rows, groups=tuple(share))
    probability = scored.sensitive["group"].map(share).to_numpy(float)
    selected = np.random.default_rng(seed).random(rows) < probability
    return replace(scored, score=np.where(selected, 0.9, 0.1))


def test_groups_that_are_treated_alike_pass() -> None:
    verdict = judge(selecting({"a": 0.4, "b": 0.4}), NO_CHAMPION, None, gate(fairness=fairness()), CLEAN)
    assert verdict.verdict == "pass"
    assert rule(verdict, "fairness", metric="disparate_impact").bound == 0.5


def test_a_group_that_is_rarely_selected_fails() -> None:
    verdict = judge(selecting({"a": 0.6, "b": 0.1}), NO_CHAMPION, None, gate(fairness=fairness()), CLEAN)
    assert [
        rule(verdict, "fairness", metric=name).verdict for name in ("disparate_impact", "equal_opportunity_difference")
    ] == ["fail", "fail"]
    assert rule(verdict, "fairness", metric="disparate_impact").value == pytest.approx(1 / 6, abs=0.04)


def test_a_point_beyond_the_bound_with_an_interval_across_it_warns() -> None:
    verdict = judge(selecting({"a": 0.4, "b": 0.16}, 300), NO_CHAMPION, None, gate(fairness=fairness()), CLEAN)
    result = rule(verdict, "fairness", metric="disparate_impact")
    assert result.value is not None
    assert result.value < 0.5
    assert result.verdict == "warn"


def test_a_gap_that_the_champion_has_too_warns() -> None:
    unfair, as_unfair = selecting({"a": 0.6, "b": 0.1}), selecting({"a": 0.6, "b": 0.1}, seed=1)
    verdict = judge(unfair, main(as_unfair), None, gate(primary="f1", tolerance=1.0, fairness=fairness()), CLEAN)
    assert rule(verdict, "fairness", metric="disparate_impact").verdict == "warn"
    assert "but so is the champion" in rule(verdict, "fairness", metric="disparate_impact").sentence


def test_the_same_unfair_model_warns() -> None:
    unfair = selecting({"a": 0.6, "b": 0.1})
    assert judge(unfair, ScoredBaseline("main", "same"), None, gate(fairness=fairness()), CLEAN).verdict == "warn"


def test_a_model_far_more_unfair_than_an_unfair_champion_fails() -> None:
    worse, unfair = selecting({"a": 0.6, "b": 0.05}), selecting({"a": 0.6, "b": 0.25})
    verdict = judge(worse, main(unfair), None, gate(primary="f1", tolerance=1.0, fairness=fairness()), CLEAN)
    assert rule(verdict, "fairness", metric="disparate_impact").verdict == "fail"


def test_small_groups_are_left_out_and_named() -> None:
    scored = selecting({"a": 0.4, "b": 0.4})
    labels = scored.sensitive["group"].to_numpy(object)
    labels[:21] = "tiny"
    score = np.where(labels == "tiny", 0.1, scored.score)
    scored = replace(scored, sensitive=pd.DataFrame({"group": labels}), score=score)
    result = rule(
        judge(scored, NO_CHAMPION, None, gate(fairness=fairness()), CLEAN), "fairness", metric="disparate_impact"
    )
    assert result.verdict == "pass"
    assert "too small to judge: tiny" in result.sentence


def test_a_column_with_one_large_group_is_not_judged() -> None:
    scored = replace(selecting({"a": 0.4}), sensitive=pd.DataFrame({"group": ["a"] * 2000}))
    result = rule(judge(scored, NO_CHAMPION, None, gate(fairness=fairness()), CLEAN), "fairness")
    assert (result.verdict, result.sentence) == ("note", "not judged: fewer than two groups are large enough")


def test_a_model_that_selects_nobody_has_no_disparate_impact_to_judge() -> None:
    result = rule(
        judge(selecting({"a": 0.0, "b": 0.0}), NO_CHAMPION, None, gate(fairness=fairness()), CLEAN),
        "fairness",
        metric="disparate_impact",
    )
    assert (result.verdict, "undefined" in result.sentence) == ("note", True)


def test_a_champion_without_rows_of_these_groups_excuses_nothing() -> None:
    unfair = selecting({"a": 0.6, "b": 0.1})
    other = replace(unfair, sensitive=pd.DataFrame({"group": ["c"] * 2000}))
    verdict = judge(unfair, main(other), None, gate(primary="f1", tolerance=1.0, fairness=fairness()), CLEAN)
    assert rule(verdict, "fairness", metric="disparate_impact").verdict == "fail"


def with_share(scored: Scored, rows: np.ndarray, share: float, group: str) -> Scored:
    """That share of a group's chosen rows is selected, evenly over both labels; other rows keep their scores."""
    score = scored.score.copy()
    for label in (0, 1):
        places = np.flatnonzero(rows & (scored.sensitive["group"] == group).to_numpy() & (scored.target == label))
        counted = np.floor(np.arange(len(places) + 1) * share + 1e-9)
        score[places] = np.where(np.diff(counted) > 0, 0.9, 0.1)
    return replace(scored, score=score)


def test_both_models_are_compared_on_the_rows_in_common() -> None:
    common = np.arange(4000) < 2000
    base = with_share(binary(4000), np.ones(4000, bool), 0.5, "a")
    # On the rows in common 0.38 against the champion's 0.35; on the other rows the candidate is less fair.
    candidate = with_share(with_share(base, common, 0.19, "b"), ~common, 0.12, "b")
    champion = with_share(base, common, 0.175, "b").rows(common)
    bounds = gate(primary="f1", tolerance=1.0, fairness=fairness())
    result = rule(judge(candidate, main(champion), None, bounds, CLEAN), "fairness", metric="disparate_impact")
    assert result.verdict == "warn"
    assert result.value == pytest.approx(0.38, abs=0.005)
    assert result.champion == pytest.approx(0.35, abs=0.005)
    assert "on the 2,000 test rows that both can be judged on" in result.sentence


def test_what_all_test_rows_show_is_not_hidden_by_few_rows_in_common() -> None:
    common = np.arange(4000) < 250
    base = with_share(binary(4000), np.ones(4000, bool), 0.5, "a")
    candidate = with_share(with_share(base, common, 0.23, "b"), ~common, 0.1, "b")
    champion = with_share(base, common, 0.5, "b").rows(common)
    bounds = gate(primary="f1", tolerance=1.0, fairness=fairness())
    result = rule(judge(candidate, main(champion), None, bounds, CLEAN), "fairness", metric="disparate_impact")
    assert result.verdict == "fail"
    assert "on all test rows the whole interval lies beyond the bound" in result.sentence


def test_too_few_rows_in_common_leave_the_bounds_for_all_rows() -> None:
    unfair = selecting({"a": 0.6, "b": 0.1})
    bounds = gate(primary="f1", tolerance=1.0, fairness=fairness())
    verdict = judge(unfair, main(unfair.rows(np.arange(2000) < 30)), None, bounds, CLEAN)
    result = rule(verdict, "fairness", metric="disparate_impact")
    assert (result.verdict, result.champion) == ("fail", None)
