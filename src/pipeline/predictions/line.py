"""A line of the prediction log: the one type with which the service writes it and everything else reads it."""

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from pipeline.core import format_numbers
from pipeline.predictions.damage import InputUnreadableError

FORMAT = 1  # of a line; a line without a number has format 1
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
    """An answered row: when (UTC), by which release, in how many milliseconds, and the features that were sent.

    `client` is who asked, by name, and `trace` the id of the trace; earlier versions wrote neither, and skip both.
    """

    time: Moment
    release: str
    ms: float
    features: dict[str, Any]
    client: str | None = None
    trace: str | None = None
    format: Format = FORMAT


def shared_fields(
    moment: float, release: str, milliseconds: float, *, client: str | None = None, trace: str | None = None
) -> bytes:
    """The fields that a request's rows share, as JSON to put between a prediction (without its `}`) and the features.

    So the answer and the log consist of the same bytes. `moment`: seconds since 1970.
    """
    time = datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
    shared = {"format": FORMAT, "time": time, "release": release, "ms": milliseconds}
    if client is not None:
        shared["client"] = client
    if trace is not None:
        shared["trace"] = trace
    return b"," + msgspec.json.encode(shared)[1:-1] + b',"features":'


def can_be_fields(names: Iterable[str]) -> bool:
    """Whether msgspec takes these names for the fields of a struct: it writes them as they are, so none may need to be
    escaped in JSON."""
    return not any(char in '"\\' or char < " " for name in names for char in name)


def decoder(features: Any) -> msgspec.json.Decoder[Any]:
    """A decoder of lines with features of this type; it skips what no reader needs: the classes' probabilities, and who
    asked."""
    fields = [
        (field.name, features if field.name == "features" else field.type, field.default)
        for field in msgspec.structs.fields(Line)
        if field.name not in {"probabilities", "client", "trace"}
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Row", fields, kw_only=True, gc=False))


class _Number(msgspec.Struct, gc=False):
    format: int = FORMAT


_NUMBER = msgspec.json.Decoder(_Number)


def refuse_newer(place: str, line: bytes) -> None:
    """InputUnreadableError where a line that could not be read has a newer format."""
    with contextlib.suppress(ValueError, RecursionError):  # msgspec's errors are ValueErrors
        check_format(place, _NUMBER.decode(line).format)


def check_format(place: str, number: int | None) -> None:
    """InputUnreadableError where a line's format number is newer than this version reads."""
    if number is not None and number > FORMAT:
        raise InputUnreadableError("log", format_numbers.newer_line(place, number, FORMAT))


def valid_lines(rows: Iterable[Any], place: str) -> list[Line]:
    """Rows read from JSON as lines, invalid ones left out. InputUnreadableError where one has a newer format."""
    lines = list[Line]()
    for row in rows:
        try:
            lines.append(msgspec.convert(row, Line))
        except msgspec.ValidationError:
            check_format(place, row.get("format"))
    return lines
