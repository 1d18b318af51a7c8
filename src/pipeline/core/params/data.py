"""The sections on the data and the task: card, data, task, features, split."""

import codecs
from typing import Literal

from pydantic import Field, model_validator

from pipeline.core.params.values import Count, Name, Names, Section, Seed, Share, UnitInterval
from pipeline.core.tasks import Task


class Card(Section):
    """What the model card tells people."""

    title: Name = Field(description="Name of the model.")
    purpose: Name = Field(description="What the model is for.")
    not_for: Name = Field(description="What it must not be used for.")
    owner: Name = Field(description="Who answers for the model.")
    licence: Name = Field(description="Licence of the training data.")


class Csv(Section):
    """In which form CSV files are."""

    separator: Literal[",", ";", "|", "tab"] = Field(default=",", description="Between the columns: , ; | or tab.")
    decimal: Literal[".", ","] = Field(default=".", description="Decimal mark of numbers: . or ,")
    encoding: Name = Field(default="utf-8", description="Encoding, such as utf-8, utf-16 or latin-1.")
    dates: Name | None = Field(
        default=None, description="Form of dates that are not ISO 8601, as %d.%m.%Y; null: there are none."
    )

    @property
    def delimiter(self) -> str:
        """The separator as one character."""
        return "\t" if self.separator == "tab" else self.separator

    @model_validator(mode="after")
    def _readable(self) -> "Csv":
        if self.decimal == self.separator:
            raise ValueError(f"decimal: is {self.decimal!r}, the separator as well; allowed: another one of the two")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(
                f"encoding: {self.encoding} is none that Python knows; allowed: utf-8, utf-16, latin-1, cp1252"
            ) from None
        return self


class Data(Section):
    """Where the rows come from."""

    source: Name = Field(description="CSV or Parquet: a path, a glob or a URL (https://, s3://, any fsspec URL).")
    added: Name | None = Field(
        default=None,
        description="Folder or writable fsspec URL where retraining puts labelled rows; null: no retraining.",
    )
    missing: Names = Field(
        default=(), description="Texts of CSV files that mean a missing value, as [NA]; an empty field always does."
    )
    csv: Csv = Field(default=Csv(), description="Form of CSV files.")
    key: Name | None = Field(description="Column that identifies a row; null: there is none.")
    deduplicate: bool = Field(description="true keeps the last row of each key; false: a repeated key is an error.")

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
    """What is predicted."""

    type: Task = Field(description="binary, multiclass or regression.")
    target: Name = Field(description="Column to predict.")
    positive: bool | int | str | None = Field(
        default=None, description="binary: the target's value whose probability is predicted; other tasks: null."
    )
    threshold: Literal["f1"] | UnitInterval = Field(
        default="f1", description="binary: f1 (best F1 on the validation rows) or a probability; other tasks: f1."
    )

    @model_validator(mode="after")
    def _positive_class_where_binary(self) -> "TaskSection":
        if self.type == "binary" and self.positive is None:
            raise ValueError("type: binary needs task.positive, the target's value whose probability is predicted")
        return self


class Features(Section):
    """Which columns the model sees."""

    exclude: Names = Field(
        description="Columns that are no features but may feed some; key, target, time and group column never are."
    )
    off: Names = Field(default=(), description="Features of src/project/features/ that the model does not see.")
    allow: dict[Name, Name] = Field(
        default={}, description="Columns that give the target away and are features all the same: the reason."
    )
    max_categories: Count = Field(description="A text column with more distinct values is refused as an identifier.")


class Split(Section):
    """How the rows are divided into training, validation and test rows."""

    test: Share = Field(description="Share of the rows that the model is judged on.")
    validation: Share = Field(description="Share of the rows for early stopping and the threshold.")
    seed: Seed = Field(description="Another seed puts other rows on each side.")
    time: Name | None = Field(description="Date column: the newest rows are the test; null: by a hash of the key.")
    group: Name | None = Field(
        default=None,
        description="Column whose equal values share a side, as a person with many rows; null: there is none.",
    )

    @model_validator(mode="after")
    def _by_time_or_group(self) -> "Split":
        if self.time is not None and self.group is not None:
            raise ValueError(
                f"group: is {self.group}, and time is {self.time}: a split goes by one of them; allowed: null for one"
            )
        return self

    @model_validator(mode="after")
    def _rows_left_to_train_on(self) -> "Split":
        if self.test + self.validation >= 1:
            raise ValueError(
                f"test + validation is {self.test + self.validation:g}; "
                "allowed: below 1, so that rows are left to train on"
            )
        return self
