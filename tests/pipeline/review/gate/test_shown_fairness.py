"""Where fairness is not judged, its figures stand beside the champion's: a gap that main has too is no new one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.tasks import Task
from pipeline.evaluation import fairness
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.judge import judge
from tests.pipeline.review.gate.scored_tables import CLEAN, NO_CHAMPION, binary, evaluate, gate, main, rules

GROUPS = pd.DataFrame({"group": np.resize(np.array(["a", "b", "c"], object), 900)})
PRIMARY = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "mae"}


def model(task: Task, error: dict[str, float], seed: int) -> Scored:
    """A model that is wrong in this share of each group's rows (a regression: by as much on average)."""
    rng = np.random.default_rng(seed)
    keys = np.array([f"k{index:04}" for index in range(len(GROUPS))])
    share = GROUPS["group"].map(error).to_numpy(float)
    target = np.arange(len(GROUPS)).astype(np.float64) % 3
    if task == "binary":
        return binary(len(GROUPS), seed=seed, groups=("a", "b", "c"))
    if task == "regression":
        return Scored(task, target, target + share * rng.exponential(size=len(GROUPS)), keys, sensitive=GROUPS)
    wrong = rng.random(len(GROUPS)) < share
    score = np.eye(3)[(target.astype(int) + wrong) % 3] * 0.8 + 0.1
    return Scored(task, target, score, keys, ("x", "y", "z"), sensitive=GROUPS)


def expected(scored: Scored) -> dict[str, float]:
    """The differences between the groups, by pandas from the rows."""
    groups = scored.sensitive["group"].to_numpy()
    if scored.task == "multiclass":
        right = pd.Series(scored.score.argmax(axis=1) == scored.target)
        return {"accuracy_difference": float(np.ptp(right.groupby(groups).mean()))}
    rows = pd.DataFrame({"mae": abs(scored.target - scored.score), "mean_prediction": scored.score})
    means = rows.assign(mean_target=scored.target).groupby(groups).mean()
    return {f"{name}_difference": float(np.ptp(means[name])) for name in means}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_each_figure_is_shown_for_both_models_on_their_common_rows(task: Task) -> None:
    candidate, champion = (model(task, {"a": 0.1, "b": 0.2, "c": 0.5}, seed) for seed in (1, 2))
    common = np.arange(len(GROUPS)) < 600
    verdict = judge(candidate, main(champion.rows(common)), None, gate(primary=PRIMARY[task]), CLEAN)
    notes = rules(verdict, "fairness")
    assert {note.subject.metric: note.value for note in notes} == pytest.approx(expected(candidate.rows(common)))
    assert {note.subject.metric: note.champion for note in notes} == pytest.approx(expected(champion.rows(common)))
    assert {(note.verdict, note.sentence, note.bound) for note in notes} == {
        ("note", "shown, not judged (on the 600 test rows that both can be judged on)", None)
    }
    assert all(note.lower <= note.value <= note.upper for note in notes)  # type: ignore[operator]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_without_a_champion_the_figures_are_those_of_the_report(task: Task) -> None:
    candidate = model(task, {"a": 0.1, "b": 0.2, "c": 0.5}, 1)
    notes = rules(judge(candidate, NO_CHAMPION, None, gate(primary=PRIMARY[task]), CLEAN), "fairness")
    report: dict[str, Any] = fairness.report(candidate, evaluate("group"))["group"]
    assert {note.subject.metric: note.value for note in notes} == {
        name: pytest.approx(figure["value"], nan_ok=True) for name, figure in report.items() if name != "groups"
    }
    assert {note.champion for note in notes} == {None}


def test_a_binary_model_without_bounds_shows_the_champion_s_gap() -> None:
    candidate, champion = binary(seed=1), binary(strength=0.5, seed=2)
    notes = rules(judge(candidate, main(champion), None, gate(tolerance={"score": 1.0}), CLEAN), "fairness")
    by_name = {note.subject.metric: note for note in notes}
    selected = pd.Series(champion.score >= 0.5).groupby(champion.sensitive["group"]).mean()
    assert by_name["disparate_impact"].champion == pytest.approx(selected.min() / selected.max())
    assert by_name["statistical_parity_difference"].champion == pytest.approx(np.ptp(selected))


def test_a_column_with_one_group_has_no_figure() -> None:
    candidate = model("regression", {"a": 0.1, "b": 0.2, "c": 0.5}, 1).rows(GROUPS["group"].to_numpy() == "a")
    assert rules(judge(candidate, NO_CHAMPION, None, gate(primary="mae"), CLEAN), "fairness") == []
