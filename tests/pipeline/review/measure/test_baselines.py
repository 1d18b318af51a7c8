"""Which engine scores the model of the base."""

from typing import Any

import numpy as np
import pytest

from pipeline.core import params
from pipeline.evaluation.scoring import Scored
from pipeline.review.baseline import champion, other_engine
from pipeline.review.baseline.champion import Champion
from pipeline.review.baseline.scored import ScoredBaseline, by_this_engine
from pipeline.review.measure import baselines
from pipeline.review.measure.base import Base
from tests.pipeline.conftest import FROZEN

CANDIDATE = Scored("regression", np.zeros(1), np.zeros(1), np.arange(1))


@pytest.mark.parametrize("other", [True, False])
def test_the_base_s_own_engine_scores_its_model_where_it_is_another_one(
    monkeypatch: pytest.MonkeyPatch, other: bool
) -> None:
    predictors = list[Any]()

    def score_baseline(*arguments: Any) -> ScoredBaseline:
        predictors.append(arguments[-1])
        return ScoredBaseline("main", "missing")

    monkeypatch.setattr(champion, "find", lambda *_, **__: Champion("missing", "main"))
    monkeypatch.setattr(other_engine, "differs", lambda base: other)
    monkeypatch.setattr(baselines, "score_baseline", score_baseline)
    knobs = params.read(FROZEN / "params.yaml")

    baselines.measure_baseline(Base("main", "c" * 40), CANDIDATE, knobs, rebuild=False)

    assert [predict is by_this_engine for predict in predictors] == [not other]
