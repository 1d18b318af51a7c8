"""The model's loss of performance against the test rows, by labels that came later, with the uncertainty of both."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.params import Tolerance
from pipeline.core.tasks import higher_is_better, in_production
from pipeline.evaluation.bootstrap import sampled
from pipeline.evaluation.metrics import Array
from pipeline.evaluation.rare_classes import too_rare
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.tolerance import Allowed, allowed, constant
from pipeline.models.matrix import codes
from pipeline.models.signature import Signature

SEED = 1  # of a window's resamples; those of the test rows have 0, as the two sides are independent


@dataclass(frozen=True)
class Loss:
    """A metric in a window and on the test rows, and by how much it is worse.

    `low` and `high` are the ends of the window's 95 % bootstrap interval; `lower_limit` is that of the loss.
    """

    metric: str
    tested: float
    window: float
    low: float
    high: float
    loss: float
    lower_limit: float


class Performance:
    """Compares windows with the test rows; `share`: rate of windows without a loss whose lower limit is above 0."""

    def __init__(self, tested: Scored, signature: Signature, metric: str, resamples: int, share: float) -> None:
        self.metric = in_production(tested.task, metric)
        self._tested, self._signature, self._count, self._share = tested, signature, resamples, share

    def loss(self, answers: pd.DataFrame, truth: "pd.Series[Any]") -> Loss | None:
        """The loss in a window's labelled rows; None where the metric is undefined there (one class only)."""
        scored = self._scored(answers, truth)
        if not len(scored):
            return None
        value, resampled = sampled(scored.task, [self.metric], scored, self._count, SEED)[self.metric]
        tested, resampled_tested = self._reference
        sign = 1 if higher_is_better(self.metric) else -1
        losses = sign * (resampled_tested - resampled)
        losses = losses[np.isfinite(losses)]
        if not np.isfinite(value) or 2 * len(losses) < self._count:
            return None
        lower_limit = float(np.quantile(losses, self._share))
        low, high = np.quantile(resampled[np.isfinite(resampled)], (0.025, 0.975)).tolist()
        return Loss(self.metric, tested, value, low, high, sign * (tested - value), lower_limit)

    def not_judged(self, answers: pd.DataFrame, truth: "pd.Series[Any]") -> str:
        """Why the labelled rows can't be judged though they are enough; empty where they can."""
        reason = too_rare(self._as_logged, self.metric)
        return f"of the test rows, {reason}" if reason else too_rare(self._scored(answers, truth), self.metric)

    def tolerated(self, tolerance: Tolerance) -> Allowed:
        """The loss that is tolerated against the test rows."""
        scored = self._as_logged
        return allowed(tolerance, self.metric, scored, constant(scored, self.metric), "the test rows")

    @cached_property
    def _as_logged(self) -> Scored:
        """The test rows as the log would hold them: of several classes the answer alone."""
        scored = self._tested
        if scored.task == "multiclass":
            return self._as_scored(scored.target, scored.decisions().astype(float))
        return scored

    @cached_property
    def _reference(self) -> tuple[float, Array]:
        scored = self._as_logged
        return sampled(scored.task, [self.metric], scored, self._count, 0)[self.metric]

    def _scored(self, answers: pd.DataFrame, truth: "pd.Series[Any]") -> Scored:
        """The labelled rows as scored rows, without those of a class that the model does not know."""
        rows, signature = answers.loc[truth.index], self._signature
        if signature.task == "regression":
            target = truth.to_numpy(float)
            return self._as_scored(target, rows["score"].to_numpy(float))
        target = codes(truth, tuple(signature.classes)).astype(float)
        is_known = target >= 0
        if signature.task == "binary":
            return self._as_scored(target[is_known], rows["score"].to_numpy(float)[is_known])
        return self._as_scored(target[is_known], codes(rows["label"], tuple(signature.classes)).astype(float)[is_known])

    def _as_scored(self, target: Array, score: Array) -> Scored:
        """Scored rows with the settings of the test rows; for several classes `score` is the predicted class."""
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
