"""The verdict as a whole: what is judged, against which model, and that the worst rule decides."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.seed_spread import SeedSpread
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.gate.data_rules import DriftReport
from pipeline.review.gate.judge import judge
from pipeline.review.gate.verdict import Mark, Rule, worst
from tests.pipeline.review.gate.scored_tables import (
    CLEAN,
    NO_CHAMPION,
    binary,
    fairness,
    gate,
    main,
    rule,
    rules,
    slices,
    with_score,
)

NOISE = np.random.default_rng(7).random(1000)


def test_an_equal_model_passes_with_no_measurable_change() -> None:
    scored = binary()
    verdict = judge(scored, main(scored), None, gate(tolerance=0.0, slices=slices(0.0)), CLEAN)
    regression = rule(verdict, "regression")
    assert (verdict.verdict, verdict.compared) == ("pass", 1000)
    assert (regression.verdict, regression.value, regression.lower, regression.upper) == ("pass", 0, 0, 0)
    assert "no measurable change" in regression.sentence


def test_a_much_worse_model_fails_and_says_by_how_much_it_may_be_worse() -> None:
    scored = binary()
    verdict = judge(with_score(scored, NOISE), main(scored), None, gate(), CLEAN)
    regression = rule(verdict, "regression")
    assert (verdict.verdict, regression.verdict, regression.bound) == ("fail", "fail", -0.005)
    assert regression.value is not None
    assert regression.value < -0.2
    assert "worse than main" in regression.sentence


def test_a_loss_that_the_rows_can_not_settle_warns_and_names_the_detectable_loss() -> None:
    scored = binary()
    noisy = np.clip(scored.score + 0.1 * (NOISE - 0.5), 0, 1)
    loss = rule(judge(with_score(scored, noisy), main(scored), None, gate(), CLEAN), "regression").value
    assert loss is not None
    verdict = judge(with_score(scored, noisy), main(scored), None, gate(tolerance=abs(loss)), CLEAN)
    assert rule(verdict, "regression").verdict == "warn"
    assert "1,000 rows would detect a true loss of" in rule(verdict, "regression").sentence


def test_a_lower_log_loss_is_a_gain() -> None:
    scored = binary(strength=1.0)
    better = with_score(scored, np.clip(0.6 * scored.score + 0.4 * scored.target, 0.01, 0.99))
    bounds = gate(primary="log_loss")
    assert rule(judge(better, main(scored), None, bounds, CLEAN), "regression").verdict == "pass"
    assert rule(judge(scored, main(better), None, bounds, CLEAN), "regression").verdict == "fail"


@pytest.mark.parametrize(
    ("floors", "outcome"),
    [
        ({"roc_auc": 0.5}, "pass"),
        ({"roc_auc": 0.99}, "fail"),
        ({"log_loss": 0.99}, "pass"),
        ({"log_loss": 0.1}, "fail"),
    ],
)
def test_floors_hold_for_either_direction(floors: dict[str, float], outcome: str) -> None:
    assert judge(binary(), NO_CHAMPION, None, gate(floors=floors), CLEAN).verdict == outcome


def test_a_floor_of_an_undefined_metric_fails() -> None:
    scored = binary()
    verdict = judge(replace(scored, target=np.zeros(1000)), NO_CHAMPION, None, gate(floors={"roc_auc": 0.5}), CLEAN)
    assert rule(verdict, "floor", metric="roc_auc").verdict == "fail"
    assert "undefined" in rule(verdict, "floor", metric="roc_auc").sentence


def test_without_a_champion_floors_and_fairness_judge_alone_and_it_says_so() -> None:
    verdict = judge(
        binary(), NO_CHAMPION, None, gate(floors={"roc_auc": 0.5}, slices=slices(), fairness=fairness()), CLEAN
    )
    assert (verdict.verdict, verdict.compared, verdict.champion) == ("pass", 0, "")
    assert (
        rule(verdict, "champion").sentence
        == "no champion yet (main has no dvc.lock yet): floors and fairness judge alone"
    )
    assert not rules(verdict, "regression", "slice")
    assert rules(verdict, "fairness")


@pytest.mark.parametrize("state", ["missing", "unscorable"])
def test_a_champion_that_can_not_be_scored_warns(state: str) -> None:
    baseline = ScoredBaseline(
        "main", "missing" if state == "missing" else "unscorable", reason="its features are gone: age"
    )
    verdict = judge(binary(), baseline, None, gate(), CLEAN)
    assert verdict.verdict == "warn"
    assert "its features are gone: age" in rule(verdict, "champion").sentence


def test_the_same_model_passes_without_a_bootstrap() -> None:
    verdict = judge(binary(), ScoredBaseline("main", "same"), None, gate(slices=slices()), CLEAN)
    assert rule(verdict, "champion").sentence == "same model as main: no change"
    assert not rules(verdict, "regression", "slice")
    assert {change.change for change in verdict.metrics} == {0.0}


def test_models_are_compared_on_the_rows_that_both_scored_and_their_number_is_given() -> None:
    scored = binary()
    verdict = judge(scored, main(scored.rows(np.arange(1000) < 300)), None, gate(), CLEAN)
    assert (verdict.rows, verdict.compared) == (1000, 300)
    assert "300 of 1,000 test rows" in rule(verdict, "champion").sentence


def test_a_champion_without_a_row_in_common_warns() -> None:
    scored = binary()
    other = replace(scored, keys=np.array([f"other{index}" for index in range(1000)]))
    assert rule(judge(scored, main(other), None, gate(), CLEAN), "champion").verdict == "warn"


def test_a_key_that_occurs_twice_is_an_error_not_a_mismatch() -> None:
    scored = binary()
    twice = replace(scored, keys=np.resize(scored.keys[:500], 1000))
    with pytest.raises(PipelineError, match="a key occurs twice"):
        judge(twice, main(scored), None, gate(), CLEAN)


def test_scores_of_other_targets_are_an_error() -> None:
    scored = binary()
    with pytest.raises(PipelineError, match="different targets"):
        judge(scored, main(replace(scored, target=1 - scored.target)), None, gate(), CLEAN)


def test_small_losses_against_a_reference_do_not_add_up() -> None:
    scored = binary()
    reference = ScoredBaseline("v1", "scored", with_score(scored, np.where(scored.target > 0, 0.9, 0.1)))
    verdict = judge(scored, main(scored), reference, gate(), CLEAN)
    assert rule(verdict, "regression").verdict == "pass"
    assert rule(verdict, "reference_regression").verdict == "fail"
    assert verdict.verdict == "fail"


@pytest.mark.parametrize(("violations", "outcome"), [([], "pass"), ([{"column": "age"}], "fail")])
def test_a_violation_of_the_data_contract_fails(violations: list[dict[str, str]], outcome: str) -> None:
    assert judge(binary(), NO_CHAMPION, None, gate(), {"violations": violations}).verdict == outcome


def test_a_data_contract_that_was_not_measured_warns() -> None:
    assert rule(judge(binary(), NO_CHAMPION, None, gate(), None), "data_contract").verdict == "warn"


@pytest.mark.parametrize(("bound", "mark"), [(None, "note"), (0.5, "pass"), (0.25, "fail")])
def test_drift_fails_only_where_a_bound_says_so(bound: float | None, mark: str) -> None:
    report = DriftReport(share=0.25, drifted_columns=1, columns=[{}, {}, {}, {}])
    drift = rule(judge(binary(), NO_CHAMPION, None, gate(drift_share=bound), CLEAN, report), "data_drift")
    assert drift.verdict == mark
    assert "1 of 4 columns" in drift.sentence


def test_the_other_metrics_inform_and_never_fail() -> None:
    scored = binary()
    halved = with_score(scored, scored.score / 2)  # the same ranking, useless at the threshold
    verdict = judge(halved, main(scored), None, gate(), CLEAN)
    changes = {change.metric: change for change in verdict.metrics}
    assert verdict.verdict == "pass"
    assert changes["f1"].upper is not None
    assert changes["f1"].upper < -0.3
    assert changes["roc_auc"].change == 0


def test_several_classes_are_judged() -> None:
    rng = np.random.default_rng(0)
    target = np.resize([0.0, 1.0, 2.0], 600)
    score = rng.dirichlet([1, 1, 1], 600)
    good = 0.5 * score + 0.5 * np.eye(3)[target.astype(int)]
    keys, column = np.arange(600).astype(str), pd.DataFrame({"group": ["a", "b"] * 300})
    better = Scored("multiclass", target, good, keys, ("x", "y", "z"), slices=column)
    bounds = gate(primary="macro_f1", slices=slices())
    verdict = judge(replace(better, score=score), main(better), None, bounds, CLEAN)
    assert rule(verdict, "regression").verdict == "fail"
    assert rule(verdict, "slice", value="b").verdict == "fail"


def test_a_regression_is_judged() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=500)
    good = Scored("regression", target, target + 0.1 * rng.normal(size=500), np.arange(500).astype(str))
    worse = replace(good, score=target + 0.5 * rng.normal(size=500))
    bounds = gate(primary="rmse", floors={"rmse": 0.2, "r2": 0.5})
    assert judge(good, main(worse), None, bounds, CLEAN).verdict == "pass"
    verdict = judge(worse, main(good), None, bounds, CLEAN)
    assert rule(verdict, "floor", metric="rmse").verdict == "fail"
    assert rule(verdict, "floor", metric="r2").verdict == "pass"
    assert rule(verdict, "regression").verdict == "fail"


def prices(unit: float, worse: float = 0.0) -> Scored:
    """Scores of prices; `worse`: by how much of them the errors grow."""
    rng = np.random.default_rng(0)
    target, error = rng.lognormal(12, 0.5, 1000), rng.normal(0, 0.3, 1000)
    score = target * (1 + error + worse * rng.normal(size=1000))
    return Scored("regression", unit * target, unit * score, np.arange(1000).astype(str))


@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e6])
@pytest.mark.parametrize(("worse", "mark"), [(0.01, "pass"), (0.3, "fail")])
def test_prices_get_the_same_verdict_in_every_unit(unit: float, worse: float, mark: str) -> None:
    champion, candidate = prices(unit), prices(unit, worse)
    verdict = rule(judge(candidate, main(champion), None, gate(primary="rmse"), CLEAN), "regression")
    assert verdict.verdict == mark
    assert verdict.bound == pytest.approx(unit * (rule_in_dollars(worse).bound or 0))
    assert mark == "pass" or "% of main’s RMSE) allowed" in verdict.sentence


def rule_in_dollars(worse: float) -> Rule:
    return rule(judge(prices(1.0, worse), main(prices(1.0)), None, gate(primary="rmse"), CLEAN), "regression")


def test_small_losses_are_bounded_in_sum_by_a_share_of_the_references_own_loss() -> None:
    """Each step keeps within 20 % of the model before it, and the last one is far beyond 20 % of the first."""
    steps = [prices(1.0, worse) for worse in (0.0, 0.18, 0.3)]
    bounds = gate(primary="rmse", tolerance={"of_loss": 0.2})
    verdict = judge(steps[2], main(steps[1]), ScoredBaseline("v1", "scored", steps[0]), bounds, CLEAN)
    assert rule(verdict, "regression").verdict != "fail"
    assert rule(verdict, "reference_regression").verdict == "fail"
    assert "20 % of v1’s RMSE" in rule(verdict, "reference_regression").sentence


def test_a_change_that_is_measured_is_never_called_none() -> None:
    scored = binary()
    slightly = with_score(scored, np.clip(scored.score + 0.05 * (scored.target - 0.5), 0, 1))
    for candidate, champion, said in ((slightly, scored, "better"), (scored, slightly, "worse")):
        verdict = rule(judge(candidate, main(champion), None, gate(tolerance=0.1), CLEAN), "regression")
        assert verdict.verdict == "pass"
        assert verdict.sentence.startswith(f"{said} than main, within the tolerance of 0.1;")


@pytest.mark.parametrize(("deviation", "mark"), [(0.001, "pass"), (0.002, "warn")])
def test_a_tolerance_that_another_seed_exceeds_warns(deviation: float, mark: str) -> None:
    scored = binary()
    values = {0: 0.8, 1: 0.8 - deviation, 2: 0.8 + deviation}
    spread = SeedSpread.of("binary", "y", "roc_auc", 1000, values)
    verdict = judge(scored, main(scored), None, gate(), CLEAN, spread=spread)
    judged = rule(verdict, "tolerance")
    assert (judged.verdict, verdict.verdict) == (mark, mark)
    assert judged.bound == pytest.approx(3 * deviation)
    assert ("another seed alone may fail" in judged.sentence) == (mark == "warn")
    assert not rules(judge(scored, NO_CHAMPION, None, gate(), CLEAN, spread=spread), "tolerance")


def test_a_mean_over_classes_is_not_judged_with_a_rare_class() -> None:
    target = np.repeat([0.0, 1.0, 2.0], [500, 490, 10])
    score = np.eye(3)[target.astype(int)]
    good = Scored("multiclass", target, score, np.arange(1000).astype(str), ("x", "y", "z"))
    worse = replace(good, score=score[::-1].copy())
    bounds = gate(primary="macro_f1", floors={"macro_f1": 0.9, "accuracy": 0.9})
    verdict = judge(worse, main(good), None, bounds, CLEAN)
    reason = "not judged: Macro F1 needs 20 rows of each class, and class z has 10"
    for judged in (rule(verdict, "regression"), rule(verdict, "floor", metric="macro_f1")):
        assert (judged.verdict, judged.sentence) == ("warn", reason)
    assert rule(verdict, "floor", metric="accuracy").verdict == "fail"


def test_the_worst_rule_decides() -> None:
    def of(*marks: Mark) -> list[Rule]:
        return [Rule("floor", mark, "") for mark in marks]

    assert worst([]) == "pass"
    assert worst(of("note", "pass")) == "pass"
    assert worst(of("warn", "pass", "note")) == "warn"
    assert worst(of("warn", "fail", "pass")) == "fail"


def test_the_verdict_as_data_has_a_format_number_and_undefined_figures_are_null() -> None:
    scored = binary()
    one_class = replace(scored, target=np.zeros(1000))
    verdict = judge(one_class, main(one_class), None, gate(), CLEAN)
    data = verdict.data()
    (regression,) = [item for item in data["rules"] if item["kind"] == "regression"]
    assert (data["format"], regression["verdict"], regression["value"]) == (2, "warn", None)
    assert (regression["subject"]["metric"], regression["baseline"]) == ("roc_auc", "main")
    assert json.loads(json.dumps(data, allow_nan=False)) == data
