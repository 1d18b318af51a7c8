"""The sections on training and its evaluation: train, evaluate, drift, tracking, tune."""

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from pipeline.core.params.data import Split
from pipeline.core.params.values import Count, Name, Names, NonNegative, Positive, PositiveShare, Section, Seed, Share


class Train(Section):
    """How LightGBM trains."""

    device: Literal["auto", "cpu", "gpu"] = Field(
        description="auto (CUDA, else OpenCL, else CPU), cpu or gpu; `PIPELINE_DEVICE` overrides it."
    )
    objective: Name = Field(
        description="auto fits the task; regression also: regression_l1, huber, quantile, poisson, gamma, tweedie."
    )
    quantile: Share = Field(description="Quantile that is predicted, where the objective is quantile.")
    learning_rate: PositiveShare = Field(description="How much each tree corrects the ones before it.")
    num_leaves: Annotated[int, Field(ge=2, le=131072)] = Field(description="Leaves of a tree, at most.")
    min_data_in_leaf: Count = Field(description="Rows in a leaf, at least; more gives a smoother model.")
    feature_fraction: PositiveShare = Field(description="Share of the features that each tree sees.")
    bagging_fraction: PositiveShare = Field(description="Share of the rows that each tree sees.")
    lambda_l1: NonNegative = Field(description="L1 penalty on the leaves.")
    lambda_l2: NonNegative = Field(description="L2 penalty on the leaves.")
    max_trees: Count = Field(description="Trees, at most; early stopping ends sooner.")
    early_stopping: Count = Field(description="Trees without a gain on the validation rows before training stops.")
    class_weight: Literal["none", "balanced"] = Field(description="none or balanced; regression: none.")
    monotone: dict[Name, Literal[-1, 1]] = Field(
        description="{column: 1} never falls as the column rises, -1 never rises; multiclass: {}."
    )
    refit: bool = Field(
        default=True,
        description=(
            "With split.time: measure a model of all rows before the test, ship one of all rows; "
            "false: of training rows alone."
        ),
    )
    seed: Seed = Field(description="Same seed, data and settings: the same model, byte for byte (on the CPU).")

    def refits(self, split: Split) -> bool:
        """Whether the model that ships is fitted again on all rows: only a split by time holds back the newest."""
        return self.refit and split.time is not None


class Evaluate(Section):
    """How the model is evaluated on the test rows."""

    bootstrap: Annotated[int, Field(ge=100, le=100_000)] = Field(description="Resamples behind each interval.")
    confidence: Share = Field(description="Confidence level of the intervals.")
    slices: Names = Field(description="Columns whose values are evaluated one by one.")
    slice_bins: Annotated[int, Field(ge=2, le=20)] = Field(description="Quantile bins of a numeric slice column.")
    sensitive: Names = Field(description="Columns that fairness is evaluated on.")
    calibration_bins: Annotated[int, Field(ge=2, le=100)] = Field(
        description="Equal-width bins of the calibration curve and error."
    )
    shap_rows: Count = Field(description="Test rows that SHAP importance is computed on, at most.")
    seed: Seed = Field(description="Seed of the resampling.")


class Drift(Section):
    """How two tables are compared for drift: here training and test rows."""

    max_rows: Annotated[int, Field(ge=100)] = Field(
        description="Rows of each table that are compared; a larger table is sampled."
    )
    threshold: NonNegative | None = Field(
        description="Distance from which a column has drifted; null: Evidently's default."
    )
    share: PositiveShare = Field(description="Share of drifted columns from which the table has drifted.")
    calendar: bool = Field(
        default=False, description="true: columns that the calendar moves, as the month, are judged for drift, too."
    )
    seed: Seed = Field(description="Seed of the sampling.")


class Tracking(Section):
    """MLflow."""

    experiment: Name = Field(description="MLflow experiment that training runs are logged to.")


class Interval(Section):
    """An interval that `pipeline tune` searches."""

    low: float = Field(description="Lower end.")
    high: float = Field(description="Upper end.")
    log: bool = Field(default=False, description="Whether to search on a logarithmic scale.")

    @model_validator(mode="after")
    def _low_below_high(self) -> "Interval":
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError("log: true needs a low above 0")
        return self


Choices = Annotated[tuple[bool | int | float | str, ...], Strict(strict=False), Field(min_length=1)]


class Tune(Section):
    """What `make tune` searches."""

    trials: Count = Field(description="Trials of the study in all, those of earlier runs included.")
    timeout: Positive | None = Field(description="Seconds after which no new trial starts; null: no limit.")
    seed: Seed = Field(description="Seed of the sampler.")
    space: dict[Name, Interval | Choices] = Field(
        description="Key of train: {low, high, log (optional)}, or a list of choices."
    )


TUNABLE = tuple(name for name in Train.model_fields if name not in {"device", "monotone", "refit", "seed"})
