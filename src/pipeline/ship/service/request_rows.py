"""Encodes rows of a request into the model's matrix, as `models/matrix.encode` does for tables, without pandas."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Annotated, Any

import msgspec
import numpy as np

from pipeline.features.code import FeatureCode
from pipeline.models.signature import DATE_PARTS, Feature, Signature
from pipeline.predictions import line
from pipeline.predictions.line import Flags
from pipeline.ship.service.columns import RequestColumn, date_parts
from pipeline.ship.service.computed import Computed

Matrix = np.ndarray[Any, np.dtype[np.float64]]
KINDS: dict[str, Any] = {"number": float, "boolean": bool, "category": str, "date": str}
NAN = float("nan")
MISSING_DATE = (NAN, NAN, NAN)


class Rows:
    """Decodes bodies and encodes rows.

    `decode` is the fast path: it accepts nothing that the request model (`request.py`) refuses. What it refuses itself
    goes to the request model, which explains the problems; so does every body where a column has a name that no struct
    can have.
    """

    def __init__(
        self,
        signature: Signature,
        columns: Sequence[RequestColumn],
        max_rows: int,
        retired: Sequence[str] = (),
        unused: Sequence[str] = (),
        code: FeatureCode | None = None,
    ) -> None:
        plain = [column for column in columns if column.kind in ("number", "boolean")]
        categories = [column for column in columns if column.kind == "category"]
        dates = [column for column in columns if column.kind == "date"]
        self.ordered = [*plain, *categories, *dates]  # numbers first: they are used as they are
        self._codes = [{text: float(code) for code, text in enumerate(column.categories)} for column in categories]
        self._ends = len(plain), len(plain) + len(categories), len(self.ordered)
        names: list[tuple[str, str | None]] = [(column.name, None) for column in (*plain, *categories)]
        names += [(column.name, part) for column in dates for part in DATE_PARTS]  # as `date_parts` returns them
        own = [feature for feature in signature.features if feature.source not in signature.derived]
        order = [names.index((feature.source, feature.part)) for feature in own]
        derived = range(len(names), len(names) + len(signature.features) - len(own))  # in the matrix they come last
        self._order, self._own = np.array([*order, *derived], dtype=np.intp), len(own)
        self._computed = Computed(signature, code, self.ordered) if code else None
        self._feeding = self._only_feeding(own)
        self._by_source = {column.name: column for column in columns}
        self.sources = [feature.source for feature in signature.features]
        self._low, self._high = (self._bounds(own, end) for end in ("low", "high"))
        self.retired = retired
        self.names = [*(column.name for column in self.ordered), *unused]  # the struct's, without the retired fields
        self._ignored = {**_numbered("u", unused), **_numbered("r", retired)}
        self.row = _struct(self.ordered, self._ignored)
        self._has_fast_path = line.can_be_fields([*self._by_source, *self._ignored.values()])
        body = msgspec.defstruct(
            "Body",
            [("rows", Annotated[list[self.row], msgspec.Meta(min_length=1, max_length=max_rows)])],  # type: ignore[name-defined]
            forbid_unknown_fields=True,
        )
        self._decoder = msgspec.json.Decoder(body)

    def decode(self, body: bytes) -> list[Any]:
        """The rows of a body; ValueError or RecursionError where it is invalid."""
        if not self._has_fast_path:
            raise ValueError("a column has a name that no struct can have")
        decoded: Any = self._decoder.decode(body)
        rows: list[Any] = decoded.rows
        return rows

    def read(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        """The rows that the request model accepted, as structs."""
        names = {f"f{index}": column.name for index, column in enumerate(self.ordered)}
        return [
            self.row(
                **{field: row.get(name) for field, name in names.items()},
                **{field: row[name] for field, name in self._ignored.items() if name in row},
            )
            for row in rows
        ]

    def count_retired(self, rows: Sequence[Any]) -> int:
        """How many rows were sent with a retired field."""
        fields = [f"r{index}" for index in range(len(self.retired))]
        return sum(any(getattr(row, field) is not msgspec.UNSET for field in fields) for row in rows) if fields else 0

    def encode(self, rows: Sequence[Any]) -> Matrix:
        """(rows, features), C order: categories as codes, NaN for a missing value or unseen category; ValueError."""
        columns: list[Any] = list(zip(*map(msgspec.structs.astuple, rows), strict=True))
        numbers, texts, dates = self._ends
        encoded: list[Iterable[Any]] = [*columns[:numbers]]
        for codes, column in zip(self._codes, columns[numbers:texts], strict=True):
            encoded.append(map(codes.get, column, repeat(NAN)))
        for column in columns[texts:dates]:
            encoded += zip(*[MISSING_DATE if text is None else date_parts(text) for text in column], strict=True)
        values = [*chain.from_iterable(encoded)]
        try:
            packed = struct.pack(f"{len(values)}d", *values)  # the fastest way from floats to an array
        except struct.error:  # there is a null
            packed = struct.pack(f"{len(values)}d", *(NAN if value is None else value for value in values))
        flat = np.frombuffer(packed)
        if self._computed:
            flat = np.concatenate((flat, *self._computed.values(columns, flat.reshape(-1, len(rows)))))
        return flat.reshape(-1, len(rows)).T.take(self._order, axis=1)

    def flags(self, rows: Sequence[Any], matrix: Matrix) -> dict[int, Flags]:
        """The flags of the rows that have any, by the row's index."""
        own = matrix[:, : self._own]
        usual = (own >= self._low) & (own <= self._high)  # NaN is neither
        by_row: dict[int, Flags] = {}
        if self._feeding:
            self._flag_feeding(rows, by_row)
        if usual.all():
            return by_row
        for index in np.flatnonzero(~usual.all(axis=1)).tolist():
            flags = by_row.setdefault(index, Flags())
            values = dict(zip(self.names, msgspec.structs.astuple(rows[index]), strict=not self.retired))
            for feature in np.flatnonzero(~usual[index]).tolist():
                name = self.sources[feature]
                is_outside = not np.isnan(matrix[index, feature])
                names = flags.outside if is_outside else flags.missing if values[name] is None else flags.unseen
                if name not in names:
                    names.append(name)
        return dict(sorted(by_row.items())) if self._feeding else by_row

    def _flag_feeding(self, rows: Sequence[Any], by_row: dict[int, Flags]) -> None:
        """Flag the columns that only feed features, which have no place in the matrix."""
        for index, row in enumerate(rows):
            for field, column in self._feeding:
                value = getattr(row, field)
                if value is None:
                    by_row.setdefault(index, Flags()).missing.append(column.name)
                elif column.is_outside(value):
                    by_row.setdefault(index, Flags()).outside.append(column.name)

    def _only_feeding(self, own: Sequence[Feature]) -> list[tuple[str, RequestColumn]]:
        """The columns that are no feature themselves, with their field in the struct."""
        sources = {feature.source for feature in own}
        return [(f"f{place}", column) for place, column in enumerate(self.ordered) if column.name not in sources]

    def _bounds(self, own: Sequence[Feature], end: str) -> Matrix:
        """The contract's bound of each feature, infinite where there is none; a date's bound is on its days."""
        unbounded = -np.inf if end == "low" else np.inf
        bounds = []
        for feature in own:
            bound = getattr(self._by_source[feature.source], end)
            bounded = feature.kind == "number" or feature.part == "days"
            bounds.append(bound if bounded and bound is not None else unbounded)
        return np.array(bounds)


def _numbered(letter: str, names: Sequence[str]) -> dict[str, str]:
    return {f"{letter}{index}": name for index, name in enumerate(names)}


def _struct(columns: Sequence[RequestColumn], ignored: Mapping[str, str]) -> type[msgspec.Struct]:
    """A row as a struct, the ignored fields last; its attributes are numbered, since a column may have any name."""
    fields: list[Any] = []
    names = {f"f{index}": column.name for index, column in enumerate(columns)}
    names |= ignored
    for index, column in enumerate(columns):
        kind = Annotated[float, msgspec.Meta(multiple_of=1)] if column.whole else KINDS[column.kind]
        fields.append((f"f{index}", kind) if column.required else (f"f{index}", kind | None, None))
    fields += [(field, Any, msgspec.UNSET) for field in ignored]
    return msgspec.defstruct(
        "Row",
        fields,
        rename=names if line.can_be_fields(names.values()) else None,
        kw_only=True,
        forbid_unknown_fields=True,
        gc=False,
    )
