"""What a tolerance of params.yaml allows on given rows, in the metric's own unit."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipeline.core.params import Tolerance
from pipeline.core.tasks import LOSSES, label
from pipeline.evaluation import point
from pipeline.evaluation.scoring import Scored


@dataclass(frozen=True)
class Allowed:
    """A tolerated loss, in the metric's own unit, and for a share: of what it is one."""

    value: float
    share: str = ""

    def __str__(self) -> str:
        rounded = float(f"{self.value:.3g}")
        return f"{rounded:,.10g}" + (f" ({self.share})" if self.share else "")


def constant(scored: Scored, metric: str) -> Scored:
    """The rows as scored by the one prediction, the same for all of them, that the metric finds best."""
    return replace(scored, score=np.broadcast_to(_best(scored, metric), scored.score.shape))


def allowed(tolerance: Tolerance, metric: str, compared: Scored, constant: Scored, model: str = "main") -> Allowed:
    """The loss that is tolerated against the rows as the compared model scored them; `constant` has the same rows.

    Of an error or loss the larger of two shares counts: the constant prediction's holds where the model is so good
    that a share of its own loss is less than what another seed changes.
    """
    if metric not in LOSSES:
        assert tolerance.score is not None, metric
        return Allowed(tolerance.score)
    name = "squared error" if metric == "r2" else label(metric)
    of_loss, of_constant = tolerance.shares(metric)
    value, share = max(
        (of_loss * point.loss(compared, metric), f"{100 * of_loss:g} % of {model}’s {name}"),
        (of_constant * point.loss(constant, metric), f"{100 * of_constant:g} % of one constant prediction’s {name}"),
    )
    return Allowed(value, share)


def _best(scored: Scored, metric: str) -> npt.NDArray[np.float64]:
    """The constant that minimizes the metric on the rows: () or (classes,)."""
    if scored.task == "multiclass":
        return np.bincount(scored.target.astype(np.intp), minlength=len(scored.classes)) / len(scored)
    if metric == "mae":
        return np.asarray(np.median(scored.target))
    if metric == "pinball_loss":
        return np.asarray(np.quantile(scored.target, scored.quantile))
    return np.asarray(scored.target.mean())
