"""The fields of a request's row: the signature's columns, with their rules from the data contract."""

import datetime
import math
from dataclasses import dataclass
from typing import Literal

from pipeline.core.errors import PipelineError
from pipeline.data.contract.schema import PATH, ContractColumn, Schema
from pipeline.models.signature import RawColumn, Signature

EPOCH = datetime.datetime(1970, 1, 1)  # naive: dates are converted to UTC first


@dataclass(frozen=True)
class RequestColumn:
    """A field of a row; `low` and `high` are the contract's bounds as numbers (a date: days from 1970-01-01)."""

    name: str
    kind: Literal["number", "boolean", "category", "date"]
    whole: bool
    required: bool
    categories: tuple[str, ...]
    low: float | None
    high: float | None
    trained_range: tuple[float, float] | None

    @property
    def allowed(self) -> str:
        """The values that the field may have, in words."""
        kinds = {"number": "a whole number" if self.whole else "a finite number", "boolean": "true or false"}
        kinds |= {"category": "text", "date": "a date as text, ISO 8601"}
        return kinds[self.kind] + ("" if self.required else ", or null where it is missing")

    @property
    def example(self) -> float | int | bool | str:
        """A value that is accepted."""
        if self.kind == "boolean":
            return True
        if self.kind == "date":
            return "2026-01-31"
        if self.kind == "category":
            return self.categories[0] if self.categories else "text"
        low, high = self.trained_range or (0.0, 0.0)
        return int((low + high) / 2) if self.whole else round((low + high) / 2, 6)

    def is_outside(self, value: float | str) -> bool:
        """Whether a value lies outside the contract's bounds."""
        if self.kind not in ("number", "date") or self.low is self.high is None:
            return False
        number = date_parts(value)[0] if isinstance(value, str) else value
        return (
            not (-math.inf if self.low is None else self.low)
            <= number
            <= (math.inf if self.high is None else self.high)
        )

    def describe(self) -> str:
        """A sentence or two for the OpenAPI page."""
        sentences = [self.allowed[0].upper() + self.allowed[1:] + "."]
        if self.categories:
            sentences.append(f"Known: {', '.join(self.categories)}; any other value is predicted and flagged `unseen`.")
        if self.trained_range:
            sentences.append(f"Range in training: {self.trained_range[0]:g} to {self.trained_range[1]:g}.")
        if self.kind == "number" and (self.low is not None or self.high is not None):
            bounds = [
                f"{name} {bound:g}" for name, bound in (("min", self.low), ("max", self.high)) if bound is not None
            ]
            sentences.append(f"Contract: {', '.join(bounds)}; a value outside is predicted and flagged `outside`.")
        return " ".join(sentences)


def columns(signature: Signature, schema: Schema) -> tuple[RequestColumn, ...]:
    """The fields of a row that the model needs, in the order of its features."""
    return tuple(_column(column, schema.columns.get(column.name)) for column in signature.raw_columns)


def unused(signature: Signature, schema: Schema) -> tuple[str, ...]:
    """The contract's other columns but key and target: a row may have them; they are logged, and the model ignores
    them."""
    others = {*signature.columns, *schema.retired, signature.key, signature.target}
    return tuple(name for name in schema.columns if name not in others)


def retired(signature: Signature, schema: Schema) -> tuple[str, ...]:
    """The fields that a row may have besides and that are ignored; PipelineError where the model needs one of them."""
    for name in schema.retired:
        if name in signature.columns:
            raise PipelineError(
                f"{PATH}: retired: {name} is a feature of models/model.txt; take it off the list, or train without it"
            )
    return tuple(dict.fromkeys(schema.retired))


def _column(column: RawColumn, contract: ContractColumn | None) -> RequestColumn:
    has_range = column.minimum is not None and column.maximum is not None
    return RequestColumn(
        name=column.name,
        kind=column.kind,
        whole=column.kind == "number" and contract is not None and contract.type == "integer",
        required=not (contract.nullable if contract else column.nullable),
        categories=column.categories,
        low=_bound(contract.min) if contract else None,
        high=_bound(contract.max) if contract else None,
        trained_range=(column.minimum or 0.0, column.maximum or 0.0) if has_range else None,
    )


def _bound(value: int | float | datetime.date | None) -> float | None:
    if isinstance(value, datetime.date):
        return float((value - EPOCH.date()).days)
    return None if value is None else float(value)


def date_parts(text: str) -> tuple[float, float, float]:
    """Days from 1970-01-01, month and weekday (Monday is 0) in UTC, as `matrix.encode` gives them; ValueError."""
    utc = moment(text)
    microseconds = (utc - EPOCH) // datetime.timedelta(microseconds=1)
    return float(microseconds) / 86_400_000_000.0, float(utc.month), float(utc.weekday())


def moment(text: str) -> datetime.datetime:
    """A date in UTC, without zone; ValueError."""
    try:
        parsed = datetime.datetime.fromisoformat(text)
        return parsed if parsed.tzinfo is None else parsed.astimezone(datetime.UTC).replace(tzinfo=None)
    except OverflowError:  # the last hours of the year 9999 in another zone
        raise ValueError("is outside the range of dates in UTC") from None
