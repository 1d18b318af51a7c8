"""What a row of a request holds: the signature's columns, with what the data contract says of them."""

import datetime
from dataclasses import dataclass
from typing import Literal

from pipeline.data.contract.schema import ContractColumn, Schema
from pipeline.models.signature import Feature, Signature

EPOCH = datetime.datetime(1970, 1, 1)  # naive: dates are turned into UTC first


@dataclass(frozen=True)
class RequestColumn:
    """A field of a row; `low` and `high` are the contract's, as a number (days from 1970-01-01 for a date)."""

    name: str
    kind: Literal["number", "boolean", "category", "date"]
    whole: bool
    required: bool
    categories: tuple[str, ...]
    low: float | None
    high: float | None
    seen: tuple[float, float] | None

    @property
    def allowed(self) -> str:
        """What the field may be, for people."""
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
        low, high = self.seen or (0.0, 0.0)
        return int((low + high) / 2) if self.whole else round((low + high) / 2, 6)

    def describe(self) -> str:
        """A sentence or two for the OpenAPI page."""
        said = [self.allowed[0].upper() + self.allowed[1:] + "."]
        if self.categories:
            said.append(f"Known: {', '.join(self.categories)}; any other is predicted and flagged `unseen`.")
        if self.seen:
            said.append(f"Seen in training: {self.seen[0]:g} to {self.seen[1]:g}.")
        if self.kind == "number" and (self.low is not None or self.high is not None):
            bounds = [
                f"{name} {bound:g}" for name, bound in (("min", self.low), ("max", self.high)) if bound is not None
            ]
            said.append(f"Contract: {', '.join(bounds)}; beyond it is predicted and flagged `outside`.")
        return " ".join(said)


def columns(signature: Signature, schema: Schema) -> tuple[RequestColumn, ...]:
    """The fields of a row, in the order of the model's features."""
    first = {feature.source: feature for feature in reversed(signature.features)}
    return tuple(_column(first[name], schema.columns.get(name)) for name in signature.columns)


def _column(feature: Feature, contract: ContractColumn | None) -> RequestColumn:
    known = feature.minimum is not None and feature.maximum is not None
    return RequestColumn(
        name=feature.source,
        kind=feature.kind,
        whole=feature.kind == "number" and contract is not None and contract.type == "integer",
        required=not (contract.nullable if contract else feature.nullable),
        categories=feature.categories,
        low=_bound(contract.min) if contract else None,
        high=_bound(contract.max) if contract else None,
        seen=(feature.minimum or 0.0, feature.maximum or 0.0) if known else None,
    )


def _bound(value: int | float | datetime.date | None) -> float | None:
    if isinstance(value, datetime.date):
        return float((value - EPOCH.date()).days)
    return None if value is None else float(value)


def date_parts(text: str) -> tuple[float, float, float]:
    """Days from 1970-01-01, month and weekday (Monday is 0) in UTC, as `matrix.encode` has them; ValueError."""
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    except OverflowError:  # the last hours of the year 9999 in another zone
        raise ValueError("is no date that can be told in UTC") from None
    microseconds = (moment - EPOCH) // datetime.timedelta(microseconds=1)
    return float(microseconds) / 86_400_000_000.0, float(moment.month), float(moment.weekday())
