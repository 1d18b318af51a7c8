"""Tolerances: how much worse a metric may become, in a form that means the same for every target."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, model_validator

from pipeline.core.params.values import NonNegative, Section
from pipeline.core.tasks import LOSSES, PROBABILITY_LOSSES, label

Part = Annotated[float, Field(ge=0, lt=1)]


class Tolerance(Section):
    """A tolerated loss of a metric; which key counts depends on the metric. A bare number is `score`."""

    score: NonNegative | None = Field(
        default=None, description="For a score from 0 to 1, MAPE or calibration error: a loss in its own unit."
    )
    of_loss: Part | None = Field(
        default=None,
        description="For an error, a loss or R² (as squared error): a share of the loss that it is compared with ...",
    )
    of_constant: Part | None = Field(
        default=None,
        description="... or of a constant prediction's, if that is more; null: a quarter of of_loss "
        "(log loss, Brier score: 0.15 of it).",
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_number(cls, given: Any) -> Any:
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        return {"score": float(given)} if is_number else given

    def shares(self, metric: str) -> tuple[float, float]:
        """The shares of the compared loss and of a constant prediction's, for an error or loss."""
        assert self.of_loss is not None, metric
        if self.of_constant is not None:
            return self.of_loss, self.of_constant
        return self.of_loss, self.of_loss * (0.15 if metric in PROBABILITY_LOSSES else 0.25)


GATE = Tolerance(score=0.005, of_loss=0.02)
SLICES = Tolerance(score=0.03, of_loss=0.12)
MONITOR = Tolerance(score=0.02, of_loss=0.08)


def fits(tolerance: Tolerance, metric: str) -> bool:
    """Whether the tolerance has the key that counts for the metric, with a value that can be meant."""
    if metric in LOSSES:
        return tolerance.of_loss is not None
    return tolerance.score is not None and tolerance.score <= 1


def misfits(key: str, tolerance: Tolerance, metric: str, usual: Tolerance) -> Iterator[str]:
    """A line for a tolerance that can't be meant for `metric`; `usual` is the key's in the template."""
    if fits(tolerance, metric):
        return
    name, write = label(metric), f"{key.rpartition('.')[2]}: {{score: {usual.score:g}, of_loss: {usual.of_loss:g}}}"
    if metric in LOSSES:
        given = "it" if tolerance.score is None else f"the number {tolerance.score:g}"
        reason = f"{given} says nothing about {name}, whose unit depends on the target: of_loss is missing"
    elif tolerance.score is None:
        reason = f"{name} is a share itself: score is missing"
    else:
        reason = f"{tolerance.score:g} allows {name} any loss: 0.01 is one percentage point"
    yield f"{key}: {reason}; write {write}"
