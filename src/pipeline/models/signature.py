"""A model's inputs and outputs: features, types, categories, classes, threshold. Learnt in training, then stored."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import SerializerFunctionWrapHandler, Strict, ValidationError, model_serializer

from pipeline.core import files, format_numbers, report_shapes
from pipeline.core.errors import PipelineError
from pipeline.core.params import Section, Split
from pipeline.core.tasks import Task

REMEDY = "remove it and run `make run`"
FORMAT = 4  # the highest that is read; signature.json has a number from format 2 on


Texts = Annotated[tuple[str, ...], Strict(strict=False)]  # values of data: the empty text is one as any other
# What a date column is turned into; days count from 1970-01-01.
DATE_PARTS = ("days", "month", "weekday")


class Feature(Section):
    """A column of the model's matrix, and the column of the table that it is made from.

    Source and part identify it. The name is for people: it ends with the part, and `matrix.learn` makes it unique, but
    a column of the data may have the same name in a model that an older version trained.
    """

    name: str
    source: str
    kind: Literal["number", "boolean", "category", "date"]
    categories: Texts = ()
    nullable: bool
    minimum: float | None = None
    maximum: float | None = None

    @property
    def part(self) -> str | None:
        """The part of a date that it holds, one of DATE_PARTS; None for another kind."""
        return self.name.rpartition("__")[2] if self.kind == "date" else None


class RawColumn(Section):
    """A column of the data that the model needs, itself or for a feature that the project's code computes.

    `categories` and range are those of the training rows, where the column itself is a feature.
    """

    name: str
    kind: Literal["number", "boolean", "category", "date"]
    categories: Texts = ()
    nullable: bool
    minimum: float | None = None
    maximum: float | None = None


class Rows(Section):
    """Rows that a model learned from: their number, and their first and last time."""

    count: int
    first: str
    last: str


class Signature(Section):
    """Everything that scoring a row needs besides the trees.

    `format`: that of the texts of keys and categories (data/values/texts.py, former_texts.py); where formats 1 and 2
    give the same it is 1, which the file does not say. 3 is a model that was fitted again, 4 one with features that the
    project's code computes: texts as in format 2.
    """

    format: Literal[1, 2, 3, 4] = 1
    task: Task
    target: str
    key: str | None
    positive: bool | int | str | None
    classes: Texts
    threshold: float | None
    quantile: float
    features: tuple[Feature, ...]
    split: Split
    seen_until: str | None = None  # split by time: the newest time that training or validation saw
    hashed: Texts = ()  # split by a hash of whole rows: the hashed columns
    device: str
    refitted: Rows | None = None  # the rows of a model that was fitted again after it was measured; None: it was not
    raw: tuple[RawColumn, ...] = ()  # what a table or a request holds, where `derived` has names
    derived: Texts = ()  # the sources of the features that the project's code computes
    code: str | None = None  # version of that code with its state (features/code.py)

    @model_serializer(mode="wrap")
    def _as_its_format_had_it(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = dump(self)
        since = {"format": 2, "refitted": 3, "raw": 4, "derived": 4, "code": 4}
        if self.split.group is None:  # as versions wrote it that knew no groups
            fields["split"].pop("group", None)
        return {name: value for name, value in fields.items() if self.format >= since.get(name, 1)}

    @property
    def columns(self) -> list[str]:
        """The columns of a table that the features are made from, each once."""
        return [column.name for column in self.raw_columns]

    @property
    def kinds(self) -> dict[str, Literal["number", "boolean", "category", "date"]]:
        """The kind of each of these columns."""
        return {column.name: column.kind for column in self.raw_columns}

    @property
    def raw_columns(self) -> tuple[RawColumn, ...]:
        """The columns of a table that the features are made from, each once."""
        return self.raw if self.derived else own_columns(self.features)


def own_columns(features: Iterable[Feature]) -> tuple[RawColumn, ...]:
    """The columns that are features themselves, or whose parts are."""
    shared = RawColumn.model_fields.keys() - {"name"}
    first = dict[str, Feature]()
    for feature in features:
        first.setdefault(feature.source, feature)
    return tuple(
        RawColumn(name=name, **{key: getattr(feature, key) for key in shared}) for name, feature in first.items()
    )


def read(path: Path) -> Signature:
    """The signature beside a model; PipelineError where it is missing, damaged or of a newer format."""
    format_numbers.check(str(path), files.read_json(path), FORMAT)
    try:
        return Signature.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        problem = report_shapes.first_problem(error.errors())
        raise PipelineError(f"{path}: not a signature that this version reads ({problem}); {REMEDY}") from None


def codes_of(feature: Feature) -> dict[str | None, float] | None:
    """The code of each category; None for a feature that is no text."""
    if feature.kind != "category":
        return None
    return {text: float(code) for code, text in enumerate(feature.categories)}
