"""The model's loss of performance against the test rows, by labels that came later, with the uncertainty of both.

A ROC AUC of one day is not that of a month: a mean over rows is the same in both, most other metrics are not. So a
window is compared with windows of the same length of the test rows, where their time is known. How much these differ
from each other is the error of a window, and it holds what rows of one day have in common.
"""

from dataclasses import dataclass
from functools import cached_property
from math import hypot
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.params import Tolerance
from pipeline.core.tasks import higher_is_better, in_production
from pipeline.evaluation import point
from pipeline.evaluation.bootstrap import sampled
from pipeline.evaluation.rare_classes import too_rare
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.tolerance import Allowed, allowed, constant
from pipeline.models.matrix import codes
from pipeline.models.signature import Signature
from pipeline.predictions.periods import size
from pipeline.watch.monitor.blocks import Blocks, blocks, filled, members
from pipeline.watch.monitor.reference_columns import Array
from pipeline.watch.monitor.window_spread import WindowSpread, numbered, spread

SEED = 1  # of a window's resamples; those of the test rows have 0, as the two sides are independent


@dataclass(frozen=True)
class Loss:
    """A metric in a window and on the test rows, and by how much it is worse.

    `low` and `high` are the ends of the window's 95 % interval; `lower_limit` is that of the loss. `error` and
    `reference_error`: standard errors of the window's figure and of the test rows' one.
    """

    metric: str
    tested: float
    window: float
    low: float
    high: float
    loss: float
    lower_limit: float
    error: float
    reference_error: float


class Performance:
    """Compares windows with the test rows; `share`: rate of windows without a loss whose lower limit is above 0.

    `blocks`: which window of time each test row falls into, None where that is not known.
    """

    def __init__(
        self,
        tested: Scored,
        signature: Signature,
        metric: str,
        resamples: int,
        share: float,
        blocks: Blocks | None = None,
    ) -> None:
        self.metric = in_production(tested.task, metric)
        self._tested, self._signature, self._count, self._share = tested, signature, resamples, share
        of_time = blocks is not None and not blocks.groups and (blocks.windows >= 0).any()
        self._blocks = blocks if of_time else None

    def loss(self, answers: pd.DataFrame, truth: "pd.Series[Any]") -> Loss | None:
        """The loss in a window's labelled rows; None where the metric is undefined there (one class only)."""
        truth = truth[self._is_known(truth)]
        scored = self._scored(answers, truth)
        if not len(scored):
            return None
        if self._windows:
            return self._against_windows(scored, self._windows)
        return self._against_rows(scored, self._days(answers, truth) if self._blocks else None)

    def _against_windows(self, scored: Scored, tested: WindowSpread) -> Loss | None:
        """By how much windows of the test rows differ from each other."""
        value = point.figures(scored, [self.metric])[self.metric]
        if not np.isfinite(value):
            return None
        error, reference_error = tested.errors(len(scored), self._share)
        loss, half = self._sign * (tested.mean - value), NormalDist().inv_cdf(0.975) * error
        lower_limit = loss - NormalDist().inv_cdf(1 - self._share) * hypot(error, reference_error)
        ends = value - half, value + half
        return Loss(self.metric, tested.mean, value, *ends, loss, lower_limit, error, reference_error)

    def _against_rows(self, scored: Scored, days: Array | None) -> Loss | None:
        """By resampling the rows of both sides, or whole days of them where there are enough."""
        value, resampled = sampled(scored.task, [self.metric], scored, self._count, SEED, days)[self.metric]
        tested, resampled_tested = self._reference
        losses = self._sign * (resampled_tested - resampled)
        losses = losses[np.isfinite(losses)]
        if not np.isfinite(value) or 2 * len(losses) < self._count:
            return None
        lower_limit = float(np.quantile(losses, self._share))
        of_window = resampled[np.isfinite(resampled)]
        low, high = np.quantile(of_window, (0.025, 0.975)).tolist()
        with np.errstate(over="ignore"):  # labels may be absurd
            errors = float(np.std(of_window)), float(np.nanstd(resampled_tested))
        return Loss(self.metric, tested, value, low, high, self._sign * (tested - value), lower_limit, *errors)

    def not_judged(self, answers: pd.DataFrame, truth: "pd.Series[Any]") -> str:
        """Why the labelled rows can't be judged though they are enough; empty where they can."""
        reason = too_rare(self._as_logged, self.metric)
        return (
            f"of the test rows, {reason}"
            if reason
            else too_rare(self._scored(answers, truth[self._is_known(truth)]), self.metric)
        )

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
        """The metric on the test rows and on resamples of them: the mean of their windows where they have any."""
        sides = [self._as_logged] if self._blocks is None else self._test_windows
        days = [None] if self._blocks is None else [numbered(self._blocks.days[rows]) for rows in self._test_rows]
        parts = [
            sampled(side.task, [self.metric], side, self._count, place, of_day)[self.metric]
            for place, (side, of_day) in enumerate(zip(sides, days, strict=True))
        ]
        return float(np.mean([value for value, _ in parts])), np.mean([drawn for _, drawn in parts], axis=0)

    @cached_property
    def _windows(self) -> WindowSpread | None:
        """The windows of the test rows; None where they are too few to say how much windows differ."""
        return None if self._blocks is None else spread(self._test_windows, self.metric)

    @cached_property
    def _test_rows(self) -> list[Array]:
        """The rows of each window of the test rows."""
        assert self._blocks is not None
        return filled(members(self._blocks.windows))

    @cached_property
    def _test_windows(self) -> list[Scored]:
        return [self._as_logged.rows(rows) for rows in self._test_rows]

    @property
    def _sign(self) -> int:
        return 1 if higher_is_better(self.metric) else -1

    @staticmethod
    def _days(answers: pd.DataFrame, truth: "pd.Series[Any]") -> Array | None:
        """The day of each labelled row, numbered from 0; None where there are too few days to draw from."""
        return numbered(blocks(answers["time"].loc[truth.index], size("1 day")).days)

    def _scored(self, answers: pd.DataFrame, truth: "pd.Series[Any]") -> Scored:
        """The labelled rows, all of known classes, as scored rows."""
        rows, signature = answers.loc[truth.index], self._signature
        if signature.task == "regression":
            return self._as_scored(truth.to_numpy(float), rows["score"].to_numpy(float))
        target = codes(truth, tuple(signature.classes)).astype(float)
        if signature.task == "binary":
            return self._as_scored(target, rows["score"].to_numpy(float))
        return self._as_scored(target, codes(rows["label"], tuple(signature.classes)).astype(float))

    def _is_known(self, truth: "pd.Series[Any]") -> Array:
        """Which labels are of a class that the model knows."""
        if self._signature.task == "regression":
            return np.full(len(truth), True)
        return np.asarray(codes(truth, tuple(self._signature.classes)) >= 0)

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
