"""A line of the prediction log: one type, by which the service writes and everybody else reads."""

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from pipeline.core import formats
from pipeline.predictions.damage import InputUnreadableError

FORMAT = 1  # of a line; one without a number is of format 1
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Format = Annotated[int, msgspec.Meta(ge=1, le=FORMAT)]


class Flags(msgspec.Struct, omit_defaults=True, gc=False):
    """What is unusual in a row, by kind: names of columns."""

    missing: list[str] = []  # msgspec copies it
    unseen: list[str] = []
    outside: list[str] = []


class Prediction(msgspec.Struct, omit_defaults=True, gc=False):
    """One row's answer. `label` and `probabilities` are for classes; a regression's score is its value."""

    id: str
    score: float
    label: str | None = None
    probabilities: dict[str, float] | None = None
    flags: Flags | None = None


class Line(Prediction, kw_only=True, gc=False):
    """An answered row: when (UTC), by which release, in how many milliseconds, and the features that were sent."""

    time: Moment
    release: str
    ms: float
    features: dict[str, Any]
    format: Format = FORMAT


def between(moment: float, release: str, milliseconds: float) -> bytes:
    """What stands between a prediction (JSON without its closing brace) and the features in a line, which `}` ends.

    So the answer and the log are made of the same bytes. `moment`: seconds since 1970.
    """
    time = datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
    shared = {"format": FORMAT, "time": time, "release": release, "ms": milliseconds}
    return b"," + msgspec.json.encode(shared)[1:-1] + b',"features":'


def decoder(features: Any) -> msgspec.json.Decoder[Any]:
    """Of lines whose features are of this type; it passes over the classes' probabilities, which no reader needs."""
    fields = [
        (field.name, features if field.name == "features" else field.type, field.default)
        for field in msgspec.structs.fields(Line)
        if field.name != "probabilities"
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Row", fields, kw_only=True, gc=False))


class _Number(msgspec.Struct, gc=False):
    format: int = FORMAT


_NUMBER = msgspec.json.Decoder(_Number)


def refuse_newer(where: str, line: bytes) -> None:
    """InputUnreadableError where a line, which could not be read, is of a newer format."""
    with contextlib.suppress(ValueError, RecursionError):  # msgspec's errors are ValueErrors
        check(where, _NUMBER.decode(line).format)


def check(where: str, number: int | None) -> None:
    """InputUnreadableError where the format number of a line is one that this version does not read."""
    if number is not None and number > FORMAT:
        raise InputUnreadableError("log", formats.newer_line(where, number, FORMAT))


def usable(logged: Iterable[Any], where: str) -> list[Line]:
    """Lines that were read as JSON; what is none is left out. InputUnreadableError where one is of a newer format."""
    kept = list[Line]()
    for one in logged:
        try:
            kept.append(msgspec.convert(one, Line))
        except msgspec.ValidationError:
            check(where, one.get("format"))
    return kept
