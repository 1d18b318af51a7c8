"""Rows of the log from Parquet: the same fields, `features` and `flags` as structs."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.models.signature import Signature
from pipeline.predictions import line
from pipeline.predictions.damage import Damage
from pipeline.predictions.rows import Rows

BATCH = 5_000  # rows that are read at a time
MOMENT = pa.timestamp("us", tz="UTC")
TYPES = {"id": pa.string(), "time": MOMENT, "release": pa.string(), "ms": pa.float64(), "score": pa.float64()}
KINDS = {"number": pa.float64(), "boolean": pa.bool_(), "category": pa.string(), "date": pa.string()}


class _MisfitError(Exception):
    """A column is missing or of another type."""


def read(stream: Any, name: str, signature: Signature, damage: Damage) -> Iterator[Rows]:
    """The rows of a file, batch by batch. A column of another type makes its rows damage, an unreadable file is named.

    A row that lacks its id, time, release, latency or score is damage.
    """
    try:
        table = pq.ParquetFile(stream)
        wanted = [
            field for field in (*TYPES, "label", "features", "flags", "format") if field in table.schema_arrow.names
        ]
        first = 1
        for batch in table.iter_batches(BATCH, columns=wanted):
            if "format" in wanted:
                line.check(f"{name}:{first}", pc.max(batch.column("format")).as_py())
            try:
                rows = _rows(batch, name, first, signature, damage)
            except (_MisfitError, pa.ArrowException) as error:
                damage.add("types", f"{name}:{first}", str(error).splitlines()[0], batch.num_rows)
            else:
                yield rows
            first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        damage.add("files", name, f"can't be read as Parquet: {str(error).splitlines()[0]}")


def _rows(batch: pa.RecordBatch, name: str, first: int, signature: Signature, damage: Damage) -> Rows:
    told = {field: _cast(batch, field, kind) for field, kind in TYPES.items()}
    told["label"] = _optional(batch, "label", pa.string())
    features = _features(batch, signature)
    flags = batch.column("flags").to_pylist() if "flags" in batch.schema.names else [None] * batch.num_rows
    whole = np.logical_and.reduce([told[field].is_valid().to_numpy(zero_copy_only=False) for field in TYPES])
    for field in ("score", "ms"):
        whole &= np.isfinite(told[field].fill_null(np.nan).to_numpy(zero_copy_only=False))
    if not whole.all():
        lacking = np.flatnonzero(~whole)
        damage.add("types", f"{name}:{first + int(lacking[0])}", f"lacks one of {', '.join(TYPES)}", len(lacking))
    kept = np.flatnonzero(whole)
    told = {field: column.take(pa.array(kept)) for field, column in told.items()}
    features = [column.take(pa.array(kept)) for column in features]

    def take(positions: Sequence[int]) -> list[tuple[Any, ...]]:
        at = pa.array(positions, type=pa.int64())
        time = told["time"].cast(pa.int64())
        columns = [told["id"], time, told["release"], told["score"], told["label"], *features]
        return list(zip(*(column.take(at).to_pylist() for column in columns), strict=True))

    return Rows(
        name,
        (kept + first).tolist(),
        told["id"].to_pylist(),
        told["time"].cast(pa.int64()).to_numpy(zero_copy_only=False),
        told["release"].to_pylist(),
        told["ms"].to_numpy(zero_copy_only=False),
        _flags([flags[at] for at in kept]),
        take,
    )


def _flags(flags: Sequence[dict[str, list[str] | None] | None]) -> list[tuple[int, str, str]]:
    return [
        (at, kind, column)
        for at, told in enumerate(flags)
        if told
        for kind in ("missing", "unseen")
        for column in told.get(kind) or []
    ]


def _cast(batch: pa.RecordBatch, field: str, kind: pa.DataType) -> pa.Array:
    if field not in batch.schema.names:
        raise _MisfitError(f"has no column {field}")
    column = batch.column(field)
    if kind == MOMENT and pa.types.is_timestamp(column.type) and column.type.tz is None:
        raise _MisfitError("time has no zone; write it in UTC with its zone")
    try:
        return pc.cast(column, kind, safe=False)
    except pa.ArrowException:
        raise _MisfitError(f"{field} holds {column.type}, expected {kind}") from None


def _optional(batch: pa.RecordBatch, field: str, kind: pa.DataType) -> pa.Array:
    return _cast(batch, field, kind) if field in batch.schema.names else pa.nulls(batch.num_rows, kind)


def _features(batch: pa.RecordBatch, signature: Signature) -> list[pa.Array]:
    """The signature's columns, each an array; null where a column was not logged."""
    if "features" not in batch.schema.names or not pa.types.is_struct(batch.schema.field("features").type):
        raise _MisfitError("has no column features that is a struct")
    held = batch.column("features")
    inner = pa.RecordBatch.from_arrays(held.flatten(), names=[field.name for field in held.type])
    kinds = {feature.source: feature.kind for feature in signature.features}
    made = []
    for name, kind in kinds.items():
        if kind == "number" and name in inner.schema.names and not _is_number(inner.schema.field(name).type):
            raise _MisfitError(f"features.{name} holds {inner.schema.field(name).type}, expected a number")
        made.append(_optional(inner, name, KINDS[kind]))
    return made


def _is_number(given: pa.DataType) -> bool:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return any(kind(given) for kind in kinds)
