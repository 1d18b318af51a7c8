"""Properties for every table: equal scores pass, a worse model is never judged better, row order does not matter."""

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluation.scoring import Scored
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.gate.judge import judge
from pipeline.review.gate.verdict import Verdict
from tests.pipeline.review.gate.scored_tables import CLEAN, binary, fairness, gate, main, slices, with_score

seeds = st.integers(0, 10_000)
sizes = st.integers(40, 400)
# Bounds that depend on the comparison alone: a worse model can well be a fairer one.
COMPARED = gate(bootstrap=100, floors={"roc_auc": 0.7}, slices=slices(min_rows=30))
ALL = gate(bootstrap=100, floors={"roc_auc": 0.7}, slices=slices(min_rows=30), fairness=fairness())
BADNESS = {"pass": 0, "note": 0, "warn": 1, "fail": 2}


@given(sizes, seeds, st.floats(0, 3))
@settings(max_examples=40, deadline=None)
def test_equal_scores_always_pass(rows: int, seed: int, strength: float) -> None:
    scored = binary(rows, strength, seed)
    bounds = gate(bootstrap=100, tolerance=0.0, slices=slices(0.0, 30))
    assert judge(scored, main(scored), None, bounds, CLEAN).verdict == "pass"


@given(sizes, seeds, st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_a_uniformly_worse_candidate_never_gets_a_better_verdict(
    rows: int, seed: int, first: float, more: float
) -> None:
    champion, candidate = binary(rows, 1.5, seed), binary(rows, 1.5, seed + 1)
    worse, worst = (lowered(candidate, shift) for shift in (first, first + more))
    before = judge(worse, main(champion), None, COMPARED, CLEAN)
    after = judge(worst, main(champion), None, COMPARED, CLEAN)
    for rule_before, rule_after in zip(before.rules, after.rules, strict=True):
        assert BADNESS[rule_after.verdict] >= BADNESS[rule_before.verdict], rule_after.title


def lowered(scored: Scored, shift: float) -> Scored:
    """Every positive scored lower: each ranking metric falls or stays, in every resample."""
    return with_score(scored, np.where(scored.target > 0, scored.score * np.exp(-shift), scored.score))


@given(sizes, seeds)
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_rows_changes_nothing(rows: int, seed: int) -> None:
    champion, candidate = binary(rows, 1.5, seed), binary(rows, 1.2, seed + 1)
    rng = np.random.default_rng(seed)
    shuffled = [scored.rows(rng.permutation(rows)) for scored in (candidate, champion)]
    before = judge(candidate, main(champion), None, ALL, CLEAN)
    after = judge(shuffled[0], main(shuffled[1]), None, ALL, CLEAN)
    assert rounded(after) == rounded(before)


def rounded(verdict: Verdict) -> object:
    """The figures as they are written: sums in another order differ in their last digits."""
    data = verdict.data()
    return [{k: round(v, 9) if isinstance(v, float) else v for k, v in row.items()} for row in data["rules"]]


@given(sizes, seeds)
@settings(max_examples=40, deadline=None)
def test_the_worst_rule_decides_whatever_the_others_say(rows: int, seed: int) -> None:
    verdict = judge(binary(rows, 1.2, seed), main(binary(rows, 1.5, seed + 1)), None, ALL, CLEAN)
    assert BADNESS[verdict.verdict] == max(BADNESS[rule.verdict] for rule in verdict.rules)


@given(st.integers(1, 30), seeds, st.integers(0, 30))
@settings(max_examples=30, deadline=None)
def test_tiny_and_imbalanced_tables_get_a_verdict_too(rows: int, seed: int, positives: int) -> None:
    scored = binary(rows, 1.0, seed)
    target = (np.arange(rows) < positives).astype(float)
    scored = replace(scored, target=target, slices=pd.DataFrame({"group": np.arange(rows).astype(str)}))
    other = ScoredBaseline("main", "scored", with_score(scored, 1 - scored.score))
    verdict = judge(scored, other, None, ALL.model_copy(update={"slices": slices(min_rows=1)}), CLEAN)
    assert verdict.data()["verdict"] in {"pass", "warn", "fail"}
