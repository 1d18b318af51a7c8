"""How much the model lost, by labels that came later, against the test rows: with the interval that both sides have."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.tasks import higher_is_better
from pipeline.evaluation.bootstrap import sampled
from pipeline.evaluation.metrics import Array
from pipeline.evaluation.scoring import Scored
from pipeline.models.matrix import codes
from pipeline.models.signature import Signature

SEED = 1  # of a window's resamples; those of the test rows have 0: the two are different rows
SHARES = "log_loss"  # needs each class's probability


@dataclass(frozen=True)
class Loss:
    """A metric in a window and on the test rows, how much worse it is, and the least that it can be by chance.

    `low` and `high` are the ends of the window's 95 % bootstrap interval.
    """

    metric: str
    tested: float
    window: float
    low: float
    high: float
    loss: float
    least: float


class Performance:
    """Compares windows with the test rows; `share`: of the windows without a loss in which `least` is above 0."""

    def __init__(self, tested: Scored, signature: Signature, metric: str, resamples: int, share: float) -> None:
        logged = tested.task == "multiclass" and metric == SHARES  # the log's sample has the likeliest class alone
        self.metric = "macro_f1" if logged else metric
        self._tested, self._signature, self._count, self._share = tested, signature, resamples, share

    def loss(self, answers: pd.DataFrame, truth: "pd.Series[Any]") -> Loss | None:
        """The loss in a window's labelled rows; None where the metric is undefined there (one class only)."""
        scored = self._scored(answers, truth)
        if scored is None or not len(scored):
            return None
        value, drawn = sampled(scored.task, [self.metric], scored, self._count, SEED)[self.metric]
        tested, others = self._reference
        sign = 1 if higher_is_better(self.metric) else -1
        losses = sign * (others - drawn)
        losses = losses[np.isfinite(losses)]
        if not np.isfinite(value) or 2 * len(losses) < self._count:
            return None
        least = float(np.quantile(losses, self._share))
        low, high = np.quantile(drawn[np.isfinite(drawn)], (0.025, 0.975)).tolist()
        return Loss(self.metric, tested, value, low, high, sign * (tested - value), least)

    @cached_property
    def _reference(self) -> tuple[float, Array]:
        scored = self._tested
        if scored.task == "multiclass":
            scored = self._as_scored(scored.target, scored.decisions().astype(float))
        return sampled(scored.task, [self.metric], scored, self._count, 0)[self.metric]

    def _scored(self, answers: pd.DataFrame, truth: "pd.Series[Any]") -> Scored | None:
        """The labelled rows as scored rows; a class that training never saw can't be right and is left out."""
        rows, known = answers.loc[truth.index], self._signature
        if known.task == "regression":
            target = truth.to_numpy(float)
            return self._as_scored(target, rows["score"].to_numpy(float))
        target = codes(truth, tuple(known.classes)).astype(float)
        fits = target >= 0
        if known.task == "binary":
            return self._as_scored(target[fits], rows["score"].to_numpy(float)[fits])
        return self._as_scored(target[fits], codes(rows["label"], tuple(known.classes)).astype(float)[fits])

    def _as_scored(self, target: Array, score: Array) -> Scored:
        """Scored rows by the settings of the test rows; for several classes `score` is the decision."""
        base = self._tested
        if base.task == "multiclass":
            score = np.eye(len(base.classes))[score.astype(int)]
        return Scored(
            base.task,
            target,
            score,
            np.arange(len(target)),
            base.classes,
            base.threshold,
            base.quantile,
            bins=base.bins,
        )
