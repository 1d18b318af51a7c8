"""The section on the gate."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.params.tolerance import Tolerance
from pipeline.core.params.values import Count, Name, PositiveShare, Section, Seed, Share, UnitInterval


class GateSlices(Section):
    """No slice left behind."""

    tolerance: Tolerance = Field(description="How much worse the primary metric may be in a slice.")
    min_rows: Count = Field(description="A slice with fewer rows is shown, not judged.")


class GateFairness(Section):
    """Bounds on fairness, for binary tasks."""

    min_positives: Count = Field(description="A group with fewer positives is shown, not judged.")
    min_negatives: Count = Field(description="A group with fewer negatives is shown, not judged.")
    disparate_impact: UnitInterval = Field(description="Lowest selection rate over the highest, at least.")
    equal_opportunity_difference: UnitInterval = Field(description="Difference of true positive rates, at most.")
    equalized_odds_difference: UnitInterval = Field(
        description="Difference of true or of false positive rates, the larger, at most."
    )


class Gate(Section):
    """What a change must keep to be merged."""

    primary: Name = Field(description="Metric that decides; the others inform.")
    tolerance: Tolerance = Field(description="How much worse than main's the primary metric may be.")
    confidence: Share = Field(description="Confidence level of the intervals that the verdict rests on.")
    bootstrap: Annotated[int, Field(ge=100, le=100_000)] = Field(description="Paired resamples behind each interval.")
    seed: Seed = Field(description="Seed of the resampling.")
    floors: dict[Name, float] = Field(
        description="Metric: its worst value that passes (log_loss, rmse and other errors: the highest)."
    )
    slices: GateSlices | None = Field(description="Rule on the slices of evaluate.slices; null: no such rule.")
    fairness: GateFairness | None = Field(
        description="Rule on evaluate.sensitive, binary tasks alone; null: no such rule."
    )
    drift_share: PositiveShare | None = Field(
        description="Share of columns drifted from main's training data that fails; null: shown, not judged."
    )
    reference: Name | None = Field(
        description="Git tag or commit: its model is a second baseline, so that small losses do not add up; null: none."
    )
    overrule: Literal["another", "anyone"] = Field(
        default="another",
        description="Who may overrule the gate: another (not who wrote part of the pull request) or anyone; "
        "both need write permission.",
    )
    app: Name | None = Field(
        default=None,
        description="GitHub App that sets the status gate, by the name in its address; null: GitHub Actions.",
    )
