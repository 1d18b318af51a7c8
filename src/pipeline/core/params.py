"""`params.yaml` as strict, frozen types: read once, checked whole, before any work."""

import contextlib
import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from pipeline.core.errors import PipelineError
from pipeline.core.tasks import METRICS, OBJECTIVES, Task
from pipeline.core.yaml import explain, load_yaml

Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], Strict(strict=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
UnitInterval = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Section(BaseModel):
    """A part of `params.yaml`: an unknown key is an error, a value keeps its type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Card(Section):
    title: Name
    purpose: Name
    not_for: Name
    owner: Name
    licence: Name


class Data(Section):
    source: Name
    added: Name | None = None
    key: Name | None
    deduplicate: bool

    @model_validator(mode="after")
    def _added_can_be_written(self) -> "Data":
        if self.added and self.added.startswith(("http://", "https://")):
            raise ValueError(f"added: {self.added}: a web server takes no files; allowed: a folder, or a URL as s3://")
        return self

    @model_validator(mode="after")
    def _key_to_deduplicate_by(self) -> "Data":
        if self.deduplicate and self.key is None:
            raise ValueError("deduplicate: true needs data.key, the column that identifies a row")
        return self


class TaskSection(Section):
    type: Task
    target: Name
    positive: bool | int | str | None = None
    threshold: Literal["f1"] | UnitInterval = "f1"

    @model_validator(mode="after")
    def _positive_class_where_binary(self) -> "TaskSection":
        if self.type == "binary" and self.positive is None:
            raise ValueError("type: binary needs task.positive, the target's value whose probability is predicted")
        return self


class Features(Section):
    exclude: Names
    max_categories: Count


class Split(Section):
    test: Share
    validation: Share
    seed: Seed
    time: Name | None

    @model_validator(mode="after")
    def _rows_left_to_train_on(self) -> "Split":
        if self.test + self.validation >= 1:
            raise ValueError(
                f"test + validation is {self.test + self.validation:g}; "
                "allowed: below 1, so that rows are left to train on"
            )
        return self


class Train(Section):
    device: Literal["auto", "cpu", "gpu"]
    objective: Name
    quantile: Share
    learning_rate: PositiveShare
    num_leaves: Annotated[int, Field(ge=2, le=131072)]
    min_data_in_leaf: Annotated[int, Field(ge=1)]
    feature_fraction: PositiveShare
    bagging_fraction: PositiveShare
    lambda_l1: NonNegative
    lambda_l2: NonNegative
    max_trees: Count
    early_stopping: Count
    class_weight: Literal["none", "balanced"]
    monotone: dict[Name, Literal[-1, 1]]
    seed: Seed


class Evaluate(Section):
    bootstrap: Annotated[int, Field(ge=100, le=100_000)]
    confidence: Share
    slices: Names
    slice_bins: Annotated[int, Field(ge=2, le=20)]
    sensitive: Names
    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    shap_rows: Count
    seed: Seed


class Drift(Section):
    max_rows: Annotated[int, Field(ge=100)]
    threshold: NonNegative | None
    share: PositiveShare
    seed: Seed


class GateSlices(Section):
    tolerance: NonNegative
    min_rows: Count


class GateFairness(Section):
    min_positives: Count
    min_negatives: Count
    disparate_impact: UnitInterval
    equal_opportunity_difference: UnitInterval
    equalized_odds_difference: UnitInterval


class Gate(Section):
    primary: Name
    tolerance: NonNegative
    confidence: Share
    bootstrap: Annotated[int, Field(ge=100, le=100_000)]
    seed: Seed
    floors: dict[Name, float]
    slices: GateSlices | None
    fairness: GateFairness | None
    drift_share: PositiveShare | None
    reference: Name | None
    overrule: Literal["another", "anyone"] = "another"


class Deploy(Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    environment: Name
    port: Annotated[int, Field(ge=1, le=65535)]
    proxy_image: Name
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*[bkmg]$")]
    cpus: Positive
    steps: Annotated[tuple[Annotated[int, Field(ge=1, le=100)], ...], Strict(strict=False), Field(min_length=1)]
    min_requests: Annotated[int, Field(ge=0)]
    deadline: Positive
    confidence: Annotated[float, Field(ge=0.9, lt=1)]
    max_error_difference: UnitInterval
    max_latency_ratio: Annotated[float, Field(ge=1)]
    latency_floor: NonNegative
    max_agreement_loss: UnitInterval
    max_shift: NonNegative
    replay: Annotated[int, Field(ge=0, le=10_000)]

    @model_validator(mode="after")
    def _steps_rise_to_all(self) -> "Deploy":
        if self.steps[-1] != 100 or list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps: is {list(self.steps)}; allowed: rising shares that end with 100")
        return self


class Monitor(Section):
    log: Name
    labels: Name | None
    window: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,6} (minutes?|hours?|days?|rows)$")]
    history: Annotated[int, Field(ge=2, le=366)]
    windows: Count
    alarm: Count
    min_rows: Count
    max_rows: Annotated[int, Field(ge=100, le=10_000)]
    min_labels: Count
    false_alarms: Share
    reference_rows: Count
    missing: UnitInterval
    unseen: UnitInterval
    volume: UnitInterval
    latency_ms: Positive
    performance: NonNegative
    assignees: Names

    @model_validator(mode="after")
    def _alarm_can_be_reached(self) -> "Monitor":
        if self.alarm > self.windows or self.windows > self.history:
            raise ValueError("alarm, windows, history: must not fall in this order")
        if self.min_rows > self.max_rows:
            raise ValueError(f"min_rows {self.min_rows} is above max_rows {self.max_rows}")
        return self


class Tracking(Section):
    experiment: Name


class ServeLog(Section):
    folder: Name
    rotate_mb: Positive
    keep: Annotated[int, Field(ge=2)]
    omit: Names


class Serve(Section):
    max_rows: Count
    max_body: Annotated[int, Field(ge=1000)]
    explain_rows: Count
    explain_top: Count
    log: ServeLog


class Ignored(Section):
    id: Name
    reason: Name
    until: datetime.date

    @model_validator(mode="before")
    @classmethod
    def _date_from_text(cls, given: Any) -> Any:
        """A date in quotes is a date as well."""
        if isinstance(given, dict) and isinstance(given.get("until"), str):
            with contextlib.suppress(ValueError):
                return given | {"until": datetime.date.fromisoformat(given["until"])}
        return given


class Scan(Section):
    fail_on: Literal["negligible", "low", "medium", "high", "critical"]
    only_fixed: bool
    database_days: Count
    ignore: Annotated[tuple[Ignored, ...], Strict(strict=False)]


class Release(Section):
    golden: Annotated[int, Field(ge=0)]
    scan: Scan


class Simulate(Section):
    limits: Names
    late: Names
    paid: Names
    owed: Name | None
    broken: Name | None
    category: Name | None


class Interval(Section):
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _low_below_high(self) -> "Interval":
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError("log: true needs a low above 0")
        return self


Choices = Annotated[tuple[bool | int | float | str, ...], Strict(strict=False), Field(min_length=1)]


class Tune(Section):
    trials: Count
    timeout: Positive | None
    seed: Seed
    space: dict[Name, Interval | Choices]


class Params(Section):
    """All of `params.yaml`; combinations of sections that can't work are refused here."""

    card: Card
    data: Data
    task: TaskSection
    features: Features
    split: Split
    train: Train
    evaluate: Evaluate
    drift: Drift
    gate: Gate
    deploy: Deploy
    monitor: Monitor
    tracking: Tracking
    release: Release
    serve: Serve
    simulate: Simulate
    tune: Tune

    @model_validator(mode="after")
    def _sections_fit(self) -> "Params":
        problems = [problem for problem in self._misfits() if problem]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _misfits(self) -> list[str]:
        kind, metrics = self.task.type, tuple(METRICS[self.task.type])
        roles = {"data.key": self.data.key, "split.time": self.split.time}
        return [
            *(
                f"{role}: {name} is the target (task.target); allowed: another column or null"
                for role, name in roles.items()
                if name == self.task.target
            ),
            *(
                f"gate.{key}: {name} is no metric of task.type {kind}; allowed: {', '.join(metrics)}"
                for key, name in [("primary", self.gate.primary), *((f"floors.{n}", n) for n in self.gate.floors)]
                if name not in metrics
            ),
            ""
            if self.train.objective in OBJECTIVES[kind]
            else f"train.objective: {self.train.objective} does not fit task.type {kind}; "
            f"allowed: {', '.join(OBJECTIVES[kind])}",
            "train.class_weight: balanced needs classes; allowed for task.type regression: none"
            if kind == "regression" and self.train.class_weight != "none"
            else "",
            "train.monotone: LightGBM has none for several classes; allowed for task.type multiclass: {}"
            if kind == "multiclass" and self.train.monotone
            else "",
            f"task.positive: is {self.task.positive!r}; allowed for task.type {kind}: null"
            if kind != "binary" and self.task.positive is not None
            else "",
            f"task.threshold: is {self.task.threshold}; allowed for task.type {kind}: f1, the default, or no such key"
            if kind != "binary" and self.task.threshold != "f1"
            else "",
            f"gate.fairness: its bounds are for task.type binary; allowed for task.type {kind}: null"
            if kind != "binary" and self.gate.fairness is not None
            else "",
            *(
                f"tune.space.{name}: is no number or choice of the train section; allowed: {', '.join(TUNABLE)}"
                for name in self.tune.space
                if name not in TUNABLE
            ),
        ]


TUNABLE = tuple(name for name in Train.model_fields if name not in {"device", "monotone", "seed"})
PATH = Path("params.yaml")
S = TypeVar("S", bound=Section)


def read(path: Path = PATH) -> Params:
    """The whole of `params.yaml`, checked; PipelineError with one line for each key that is wrong."""
    return _read(path.resolve(), str(path))


def section(kind: type[S], path: Path = PATH) -> S:
    """One section of `params.yaml`; a stage asks for those that dvc.yaml declares for it."""
    name = next(name for name, field in Params.model_fields.items() if field.annotation is kind)
    found = getattr(read(path), name)
    assert isinstance(found, kind)
    return found


@lru_cache
def _read(path: Path, shown: str) -> Params:
    try:
        return Params.model_validate(load_yaml(path, shown))
    except ValidationError as error:
        raise PipelineError("\n".join(explain(shown, Params, error.errors()))) from None
