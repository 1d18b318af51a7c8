"""Rows of a request into the model's matrix, as `models/matrix.encode` does it for tables, without pandas."""

import struct
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import Annotated, Any

import msgspec
import numpy as np

from pipeline.models.signature import Signature
from pipeline.predictions.line import Flags
from pipeline.ship.service.columns import RequestColumn, date_parts

Matrix = np.ndarray[Any, np.dtype[np.float64]]
KINDS: dict[str, Any] = {"number": float, "boolean": bool, "category": str, "date": str}
NAN = float("nan")
MISSING_DATE = (NAN, NAN, NAN)


class Rows:
    """Decodes bodies and encodes rows.

    `decode` is the quick way in: it accepts nothing that the request model (`request.py`) refuses, and says little of
    what it refuses itself, which the request model is then asked about.
    """

    def __init__(self, signature: Signature, columns: Sequence[RequestColumn], max_rows: int) -> None:
        plain = [column for column in columns if column.kind in ("number", "boolean")]
        categories = [column for column in columns if column.kind == "category"]
        dates = [column for column in columns if column.kind == "date"]
        self.ordered = [*plain, *categories, *dates]  # numbers first: they need no work of their own
        self._codes = [{text: float(at) for at, text in enumerate(column.categories)} for column in categories]
        self._ends = len(plain), len(plain) + len(categories)
        made = [column.name for column in (*plain, *categories)]
        made += [f"{column.name}__{part}" for column in dates for part in ("days", "month", "weekday")]
        self._order = np.array([made.index(feature.name) for feature in signature.features])
        self._by_source = {column.name: column for column in columns}
        self.sources = [feature.source for feature in signature.features]
        self._low, self._high = (self._bounds(signature, end) for end in ("low", "high"))
        self.row = _struct(self.ordered)
        body = msgspec.defstruct(
            "Body",
            [("rows", Annotated[list[self.row], msgspec.Meta(min_length=1, max_length=max_rows)])],  # type: ignore[name-defined]
            forbid_unknown_fields=True,
        )
        self._decoder = msgspec.json.Decoder(body)

    def decode(self, body: bytes) -> list[Any]:
        """The rows of a body; ValueError or RecursionError where it is not as it should be."""
        decoded: Any = self._decoder.decode(body)
        rows: list[Any] = decoded.rows
        return rows

    def read(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        """Rows that the request model accepted."""
        return [self.row(**{f"f{at}": row.get(column.name) for at, column in enumerate(self.ordered)}) for row in rows]

    def encode(self, rows: Sequence[Any]) -> Matrix:
        """(rows, features), C order: categories as codes, NaN for a missing value or unseen category; ValueError."""
        columns = list(zip(*map(msgspec.structs.astuple, rows), strict=True))
        numbers, texts = self._ends
        made: list[Iterable[Any]] = [*columns[:numbers]]
        for codes, column in zip(self._codes, columns[numbers:texts], strict=True):
            made.append(map(codes.get, column, repeat(NAN)))
        for column in columns[texts:]:
            made += zip(*[MISSING_DATE if text is None else date_parts(text) for text in column], strict=True)
        values = [*chain.from_iterable(made)]
        try:
            packed = struct.pack(f"{len(values)}d", *values)  # the fastest way from floats to an array
        except struct.error:  # null somewhere
            packed = struct.pack(f"{len(values)}d", *(NAN if value is None else value for value in values))
        return np.frombuffer(packed).reshape(-1, len(rows)).T.take(self._order, axis=1)

    def flags(self, rows: Sequence[Any], matrix: Matrix) -> dict[int, Flags]:
        """What is unusual, by the place of the row."""
        usual = (matrix >= self._low) & (matrix <= self._high)  # NaN is neither
        found: dict[int, Flags] = {}
        if usual.all():
            return found
        for at in np.flatnonzero(~usual.all(axis=1)).tolist():
            told = Flags()
            values = dict(zip((column.name for column in self.ordered), msgspec.structs.astuple(rows[at]), strict=True))
            for place in np.flatnonzero(~usual[at]).tolist():
                name = self.sources[place]
                beyond = not np.isnan(matrix[at, place])
                named = told.outside if beyond else told.missing if values[name] is None else told.unseen
                if name not in named:
                    named.append(name)
            found[at] = told
        return found

    def _bounds(self, signature: Signature, end: str) -> Matrix:
        """The contract's bound of each feature, infinite where there is none; a date's is that of its days."""
        nothing = -np.inf if end == "low" else np.inf
        bounds = []
        for feature in signature.features:
            bound = getattr(self._by_source[feature.source], end)
            bounded = feature.kind == "number" or (feature.kind == "date" and feature.name.endswith("__days"))
            bounds.append(bound if bounded and bound is not None else nothing)
        return np.array(bounds)


def _struct(columns: Sequence[RequestColumn]) -> type[msgspec.Struct]:
    """A row as a struct; its attributes are numbered, because a column may have any name."""
    fields: list[Any] = []
    for at, column in enumerate(columns):
        kind = Annotated[float, msgspec.Meta(multiple_of=1)] if column.whole else KINDS[column.kind]
        fields.append((f"f{at}", kind) if column.required else (f"f{at}", kind | None, None))
    return msgspec.defstruct(
        "Row",
        fields,
        rename={f"f{at}": column.name for at, column in enumerate(columns)},
        kw_only=True,
        forbid_unknown_fields=True,
        gc=False,
    )
