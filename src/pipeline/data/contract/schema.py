"""The data contract, `data/schema.yaml`: what each column holds. Inferred once from the data, then edited by people."""

import datetime
from collections.abc import Collection, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, Strict, ValidationError, model_validator

from pipeline.core import lookalikes
from pipeline.core.errors import PipelineError
from pipeline.core.params import Name, Names, Params, Section
from pipeline.core.yaml import explain, load_yaml
from pipeline.data.values.column_types import Type

if TYPE_CHECKING:
    import pandas as pd

PATH = Path("data/schema.yaml")
MAX_LISTED = 50  # categories that are listed one by one; text with more is open to new values
Bound = int | float | datetime.date
Allowed = Annotated[tuple[bool | int | float | str, ...], Strict(strict=False), Field(min_length=1)]

# The Python types of the values that `allowed`, `min` and `max` may hold, for each type.
ALLOWED_TYPES: dict[Type, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "category": (str,),
    "text": (str,),
    "date": (),
}
BOUND_TYPES: dict[Type, tuple[type, ...]] = {"integer": (int, float), "number": (int, float), "date": (datetime.date,)}


class ContractColumn(Section):
    """What one column holds."""

    type: Type
    nullable: bool
    unique: bool = False
    allowed: Allowed | None = None
    min: Bound | None = None
    max: Bound | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> "ContractColumn":
        for value in self.allowed or ():
            if type(value) not in ALLOWED_TYPES[self.type]:
                kinds = " or ".join(kind.__name__ for kind in ALLOWED_TYPES[self.type]) or "nothing: use min and max"
                hint = "; put it in quotes" if self.type in ("category", "text") else ""
                raise ValueError(f"allowed: {value!r} is no value of type {self.type} ({kinds}){hint}")
        bounds = [(name, bound) for name, bound in (("min", self.min), ("max", self.max)) if bound is not None]
        for name, bound in bounds:
            if type(bound) not in BOUND_TYPES.get(self.type, ()):
                raise ValueError(
                    f"{name}: {bound} does not bound type {self.type}; bounds are for {', '.join(BOUND_TYPES)}"
                )
        if len(bounds) == 2 and self.min > self.max:  # type: ignore[operator]  # both of one kind, checked above
            raise ValueError(f"min: {self.min} is above max: {self.max}")
        return self


class Schema(Section):
    """The content of data/schema.yaml."""

    columns: Annotated[dict[Name, ContractColumn], Field(min_length=1)]
    retired: Names = ()  # former features: the service accepts them and ignores them


def read(path: Path) -> Schema:
    """The contract at `path`; PipelineError with one line for each key that is wrong."""
    if not path.exists():
        raise PipelineError(f"{path}: no such file; `pipeline schema` infers it from the data")
    try:
        return Schema.model_validate(load_yaml(path, str(path)))
    except ValidationError as error:
        raise PipelineError("\n".join(_explain(path, error.errors()))) from None


def text_columns(schema: Schema) -> set[str]:
    """The columns that are text: in CSV their values are taken as they are written, 1.10 and 007 too."""
    return {name for name, column in schema.columns.items() if column.type in ("category", "text")}


def unknown_columns(parameters: Params, schema: Schema, derived: Collection[str] = ()) -> list[str]:
    """One line for each column that `params.yaml` names and the contract does not have.

    `derived`: features that the project's code computes. They may be monotone, but they make no group: a change of
    feature code must not redraw the groups that it is judged by.
    """
    named: list[tuple[str, Sequence[str | None]]] = [
        ("data.key", [parameters.data.key]),
        ("task.target", [parameters.task.target]),
        ("split.time", [parameters.split.time]),
        ("split.group", [parameters.split.group]),
        ("features.exclude", parameters.features.exclude),
        ("train.monotone", list(parameters.train.monotone)),
        ("evaluate.slices", parameters.evaluate.slices),
        ("evaluate.sensitive", parameters.evaluate.sensitive),
        ("serve.log.omit", parameters.serve.log.omit),
    ]
    lines = []
    for key, names in named:
        for name in names:
            if name is not None and name not in schema.columns:
                if name in derived and key == "train.monotone":
                    continue
                hint = lookalikes.suggestion(name, schema.columns)
                if name in derived:
                    hint = "it is a feature of src/project/features/, and the groups of rows are those of columns"
                lines.append(f"params.yaml: {key}: {name} is no column of {PATH}; {hint}")
    return lines


def retired_features(parameters: Params, schema: Schema) -> list[str]:
    """One line for each name that the contract lists as retired and that is a feature all the same."""
    split, roles = parameters.split, (parameters.data.key, parameters.task.target)
    others = {*roles, split.time, split.group, *parameters.features.exclude}
    return [
        f"{PATH}: retired: {name} is still a feature; remove its column from the data and the contract, name it in "
        "features.exclude (params.yaml), or take it off the list"
        for name in schema.retired
        if name in schema.columns and name not in others
    ]


def typed(table: "pd.DataFrame", schema: Schema) -> "pd.DataFrame":
    """The table with each column as its declared type (see `conversion.convert`); columns in the contract's order.

    PipelineError where a column is missing or holds values of another type: `pipeline validate` lists all of them.
    """
    import pandas as pd

    from pipeline.data.values.conversion import convert

    columns = {}
    for name, column in schema.columns.items():
        if name not in table.columns:
            raise PipelineError(
                f"column {name}: is in the data contract and not in the table; `pipeline validate` has the details"
            )
        columns[name], wrong = convert(table[name], column.type)
        if wrong.any():
            raise PipelineError(
                f"column {name}: {int(wrong.sum()):,} values are no {column.type}; `pipeline validate` has the details"
            )

    return pd.DataFrame(columns, copy=False)


def _explain(path: Path, problems: Sequence[Any]) -> list[str]:
    """One line for each wrong key; within a column the key is enough to find it."""
    lines = list[str]()
    for place, group in groupby(problems, key=lambda problem: problem["loc"][:2] if len(problem["loc"]) > 2 else ()):
        if place:
            inner = [item | {"loc": tuple(part for part in item["loc"][2:] if part != "date")} for item in group]
            lines += explain(f"{path}: columns.{place[1]}", ContractColumn, inner)
        else:
            lines += explain(str(path), Schema, list(group))
    return lines
