"""What readers of the stages' reports rely on: a damaged report, or one of another version, is refused by its key."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.core import files
from pipeline.core.errors import PipelineError

Count = Annotated[int, Field(ge=0, lt=2**63)]
Real = Annotated[float, Field(allow_inf_nan=False)]


class Shape(BaseModel):
    """Keys that a reader needs; a report may have more."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Estimate(Shape):
    value: Real | None
    lower: Real | None
    upper: Real | None


class Confusion(Shape):
    true_positives: Count
    false_positives: Count
    true_negatives: Count
    false_negatives: Count


class Class(Shape):
    rows: Count
    precision: Real | Estimate | None
    recall: Real | Estimate | None
    f1: Real | Estimate | None


class Metrics(Shape):
    """reports/metrics.json; every other key is the name of a metric."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Estimate]

    rows: Count
    threshold: Real | None = None
    confusion: Confusion | None = None
    per_class: dict[str, Class] | None = None


class Slice(Shape):
    column: str
    value: str
    rows: Count
    metrics: dict[str, Estimate]


class Group(Shape):
    """Every other key is the name of a rate."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Real | Estimate | None]

    group: str
    rows: Count
    positives: Count | None = None
    negatives: Count | None = None


class Fairness(Shape):
    """Of one column; every other key is the name of a figure that compares the groups."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Real | Estimate | None]

    groups: list[Group]


class Importance(Shape):
    feature: str
    gain: Real
    shap: Real


class Rows(Shape):
    train: Count
    validation: Count


class Point(Shape):
    tree: Count
    validation: Real


class Training(Shape):
    device: str
    platform: str
    best_iteration: Count
    rows: Rows
    loss: str
    curve: list[Point]


class ColumnDrift(Shape):
    column: str
    test: str
    score: Real | None
    threshold: Real | None
    drifted: bool


class Skipped(Shape):
    column: str
    reason: str


class FeatureDrift(Shape):
    columns: list[ColumnDrift]
    skipped: list[Skipped] = []


class Drift(Shape):
    drifted: bool
    drifted_columns: Count
    share: Real
    bound: Real
    columns: list[ColumnDrift]
    skipped: list[Skipped] = []
    features: FeatureDrift | None = None  # of the project's code; shown, not judged


class Quality(Shape):
    violations: list[Any]


class Side(Shape):
    rows: Count
    first: str | None = None
    last: str | None = None


class Shared(Shape):
    column: str
    share: Real
    sentence: str


class Split(Shape):
    time: str | None
    sides: dict[str, Side]
    shared: list[Shared]


class SourceFile(Shape):
    path: str
    size: Count
    sha256: str


class SourceFiles(Shape):
    files: list[SourceFile]


class Source(SourceFiles):
    """What is shown of data/source.json."""

    source: str
    added: SourceFiles | None = None


SHAPES: dict[str, TypeAdapter[Any]] = {
    "metrics": TypeAdapter(Metrics),
    "slices": TypeAdapter(list[Slice]),
    "fairness": TypeAdapter(dict[str, Fairness]),
    "importance": TypeAdapter(list[Importance]),
    "training": TypeAdapter(Training),
    "drift": TypeAdapter(Drift),
    "quality": TypeAdapter(Quality),
    "split": TypeAdapter(Split),
    "source": TypeAdapter(Source),
}


def read(path: Path, name: str) -> Any:
    """The content of a report of this name; PipelineError where the file is missing, damaged or of another shape."""
    command = "pipeline fetch" if name == "source" else "make run"
    content = files.read_json(path, command)
    try:
        SHAPES[name].validate_python(content)
    except ValidationError as error:
        raise PipelineError(f"{path}: {first_problem(error.errors())}; remove it and run `{command}`") from None
    return content


def first_problem(problems: Sequence[Any]) -> str:
    """The first of pydantic's problems, after the key that it is about."""
    key = ".".join(str(part) for part in problems[0]["loc"])
    return f"{key or 'content'}: {problems[0]['msg']}"
