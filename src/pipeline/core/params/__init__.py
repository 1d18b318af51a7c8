"""`params.yaml` as strict, frozen types: read once and checked as a whole, before any work."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError, model_validator

from pipeline.core.errors import PipelineError
from pipeline.core.params.access import Access, Jwt, Rate, Tls
from pipeline.core.params.combinations import conflicts
from pipeline.core.params.data import Card, Csv, Data, Features, Split, TaskSection
from pipeline.core.params.review import Gate, GateFairness, GateSlices
from pipeline.core.params.ship import Deploy, Ignored, Release, Scan, Serve, ServeLog
from pipeline.core.params.tolerance import Tolerance
from pipeline.core.params.train import TUNABLE, Drift, Evaluate, Interval, Tracking, Train, Tune
from pipeline.core.params.values import Name, Names, PipelineName, Section
from pipeline.core.params.watch import Monitor
from pipeline.core.yaml import explain, load_yaml

__all__ = [
    "PATH",
    "TUNABLE",
    "Access",
    "Card",
    "Csv",
    "Data",
    "Deploy",
    "Drift",
    "Evaluate",
    "Features",
    "Gate",
    "GateFairness",
    "GateSlices",
    "Ignored",
    "Interval",
    "Jwt",
    "Monitor",
    "Name",
    "Names",
    "Params",
    "Rate",
    "Release",
    "Scan",
    "Section",
    "Serve",
    "ServeLog",
    "Split",
    "TaskSection",
    "Tls",
    "Tolerance",
    "Tracking",
    "Train",
    "Tune",
    "read",
    "section",
]

PATH = Path("params.yaml")
S = TypeVar("S", bound=Section)


class Params(Section):
    """All of `params.yaml`; combinations of sections that can't work are refused here."""

    name: PipelineName | None = Field(
        None, description="Name of this pipeline where a repository has several, as churn; null: the only one."
    )
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
    tune: Tune

    def named(self, plain: str, separator: str = "/") -> str:
        """`plain` with the name of the pipeline behind it, where it has one: what belongs to this pipeline alone."""
        return f"{plain}{separator}{self.name}" if self.name else plain

    @property
    def environment(self) -> str:
        """The GitHub environment whose deployments record what happens."""
        return self.named(self.deploy.environment)

    @property
    def experiment(self) -> str:
        """The MLflow experiment that runs are logged to, and the name of the registered model."""
        return self.named(self.tracking.experiment, "-")

    @model_validator(mode="before")
    @classmethod
    def _no_removed_section(cls, values: Any) -> Any:
        if isinstance(values, dict) and "simulate" in values:
            raise ValueError(
                "simulate: no longer a section; remove it: a shift of your own is a function in src/project/shifts.py, "
                "and `pipeline simulate --column` names the column that broken_feature or new_category changes"
            )
        return values

    @model_validator(mode="after")
    def _sections_fit(self) -> "Params":
        if problems := conflicts(self):
            raise ValueError("\n".join(problems))
        return self


def read(path: Path = PATH) -> Params:
    """The whole of `params.yaml`, checked; PipelineError with one line for each key that is wrong."""
    return _read(Path(os.path.realpath(path)), str(path))


def section(section_type: type[S], path: Path = PATH) -> S:
    """One section of `params.yaml`; a stage reads those that dvc.yaml declares for it."""
    name = next(name for name, field in Params.model_fields.items() if field.annotation is section_type)
    value = getattr(read(path), name)
    assert isinstance(value, section_type)
    return value


def forget() -> None:
    """Read every file again, for a process that writes params.yaml itself."""
    _read.cache_clear()


@lru_cache
def _read(path: Path, name: str) -> Params:
    try:
        return Params.model_validate(load_yaml(path, name))
    except ValidationError as error:
        raise PipelineError("\n".join(explain(name, Params, error.errors()))) from None
