"""Each slice is judged, except one that is too small."""

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.evaluation.scoring import Scored
from pipeline.review.gate.judge import judge
from tests.pipeline.review.gate.scored_tables import CLEAN, binary, gate, main, rule, rules, slices, with_score


def in_slices(labels: list[str]) -> Scored:
    return replace(binary(len(labels)), slices=pd.DataFrame({"group": labels}))


def test_a_model_better_overall_but_worse_for_one_slice_fails_with_that_slice_named() -> None:
    champion = in_slices(["few"] * 300 + ["many"] * 2700)
    few = (champion.slices["group"] == "few").to_numpy()
    score = np.where(few, np.random.default_rng(1).random(3000), 0.5 * champion.score + 0.5 * champion.target)
    verdict = judge(with_score(champion, score), main(champion), None, gate(slices=slices()), CLEAN)
    assert rule(verdict, "regression").verdict == "pass"
    assert [item.title for item in verdict.rules if item.verdict == "fail"] == ["Slice group=few"]


def test_a_slice_with_too_few_rows_is_shown_not_judged() -> None:
    champion = in_slices(["few"] * 99 + ["many"] * 901)
    verdict = judge(with_score(champion, 1 - champion.score), main(champion), None, gate(slices=slices()), CLEAN)
    result = rule(verdict, "slice", value="few")
    assert (result.verdict, result.bound) == ("note", None)
    assert "99 rows, fewer than 100" in result.sentence


def test_a_slice_with_one_class_is_shown_not_judged() -> None:
    champion = in_slices(["one"] * 300 + ["both"] * 700)
    target = np.where(champion.slices["group"] == "one", 0.0, champion.target)
    champion = replace(champion, target=target)
    verdict = judge(champion, main(champion), None, gate(slices=slices()), CLEAN)
    assert rule(verdict, "slice", value="one").verdict == "note"
    assert "0 rows of a class" in rule(verdict, "slice", value="one").sentence


def test_the_confidence_is_corrected_for_the_number_of_slices() -> None:
    champion = binary(2000)
    candidate = with_score(champion, np.clip(champion.score + 0.2 * np.random.default_rng(2).normal(size=2000), 0, 1))
    alone = replace(candidate, slices=candidate.slices.assign(group="all"))
    split = replace(candidate, slices=alone.slices.assign(other=np.resize(list("abcdefgh"), 2000)))

    def width(scored: Scored) -> float:
        verdict = judge(scored, main(champion), None, gate(slices=slices()), CLEAN)
        result = rule(verdict, "slice", value="all")
        assert result.upper is not None
        assert result.lower is not None
        return result.upper - result.lower

    assert width(split) > 1.2 * width(alone)


def test_slices_are_not_judged_where_the_bounds_say_so() -> None:
    champion = in_slices(["a"] * 500 + ["b"] * 500)
    verdict = judge(champion, main(champion), None, gate(slices=None), CLEAN)
    assert not rules(verdict, "slice")
