"""Reads rows of the log from Parquet: the same fields as in a line, `features` and `flags` as structs."""

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


class _ColumnError(Exception):
    """A column is missing or of another type."""


def read(stream: Any, name: str, signature: Signature, damage: Damage, *, exact: bool = False) -> Iterator[Rows]:
    """The rows of a file, batch by batch; `exact`: whole numbers stay whole, which a float may not hold.

    Damage: batches with a column of another type, rows without id, time, release, latency or score, unreadable files.
    """
    try:
        table = pq.ParquetFile(stream)
        columns = [
            field for field in (*TYPES, "label", "features", "flags", "format") if field in table.schema_arrow.names
        ]
        first = 1
        for batch in table.iter_batches(BATCH, columns=columns):
            if "format" in columns:
                line.check_format(f"{name}:{first}", pc.max(batch.column("format")).as_py())
            try:
                rows = _rows(batch, name, first, signature, damage, exact)
            except (_ColumnError, pa.ArrowException) as error:
                damage.add("types", f"{name}:{first}", str(error).splitlines()[0], batch.num_rows)
            else:
                yield rows
            first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        damage.add("files", name, f"can't be read as Parquet: {str(error).splitlines()[0]}")


def _rows(batch: pa.RecordBatch, name: str, first: int, signature: Signature, damage: Damage, exact: bool) -> Rows:
    fields = {field: _cast(batch, field, kind) for field, kind in TYPES.items()}
    fields["label"] = _optional(batch, "label", pa.string())
    features = _features(batch, signature, exact)
    flags = batch.column("flags").to_pylist() if "flags" in batch.schema.names else [None] * batch.num_rows
    complete = np.logical_and.reduce([fields[field].is_valid().to_numpy(zero_copy_only=False) for field in TYPES])
    for field in ("score", "ms"):
        complete &= np.isfinite(fields[field].fill_null(np.nan).to_numpy(zero_copy_only=False))
    if not complete.all():
        incomplete = np.flatnonzero(~complete)
        damage.add("types", f"{name}:{first + int(incomplete[0])}", f"lacks one of {', '.join(TYPES)}", len(incomplete))
    whole = np.flatnonzero(complete)
    fields = {field: column.take(pa.array(whole)) for field, column in fields.items()}
    features = [column.take(pa.array(whole)) for column in features]

    def take(positions: Sequence[int]) -> list[tuple[Any, ...]]:
        indices = pa.array(positions, type=pa.int64())
        time = fields["time"].cast(pa.int64())
        columns = [fields["id"], time, fields["release"], fields["score"], fields["label"], *features]
        return list(zip(*(column.take(indices).to_pylist() for column in columns), strict=True))

    return Rows(
        name,
        (whole + first).tolist(),
        fields["id"].to_pylist(),
        fields["time"].cast(pa.int64()).to_numpy(zero_copy_only=False),
        fields["release"].to_pylist(),
        fields["ms"].to_numpy(zero_copy_only=False),
        _flags([flags[position] for position in whole]),
        take,
    )


def _flags(flags: Sequence[dict[str, list[str] | None] | None]) -> list[tuple[int, str, str]]:
    return [
        (position, kind, column)
        for position, flagged in enumerate(flags)
        if flagged
        for kind in ("missing", "unseen")
        for column in flagged.get(kind) or []
    ]


def _cast(batch: pa.RecordBatch, field: str, kind: pa.DataType) -> pa.Array:
    if field not in batch.schema.names:
        raise _ColumnError(f"has no column {field}")
    column = batch.column(field)
    if kind == MOMENT and pa.types.is_timestamp(column.type) and column.type.tz is None:
        raise _ColumnError("time has no zone; write it in UTC with its zone")
    try:
        return pc.cast(column, kind, safe=False)
    except pa.ArrowException:
        raise _ColumnError(f"{field} holds {column.type}, expected {kind}") from None


def _optional(batch: pa.RecordBatch, field: str, kind: pa.DataType) -> pa.Array:
    return _cast(batch, field, kind) if field in batch.schema.names else pa.nulls(batch.num_rows, kind)


def _features(batch: pa.RecordBatch, signature: Signature, exact: bool) -> list[pa.Array]:
    """The signature's columns, each an array; null where a column was not logged."""
    if "features" not in batch.schema.names or not pa.types.is_struct(batch.schema.field("features").type):
        raise _ColumnError("has no column features that is a struct")
    structs = batch.column("features")
    logged = pa.RecordBatch.from_arrays(structs.flatten(), names=[field.name for field in structs.type])
    arrays = []
    for name, kind in signature.kinds.items():
        if kind == "number" and name in logged.schema.names and not _is_number(logged.schema.field(name).type):
            raise _ColumnError(f"features.{name} holds {logged.schema.field(name).type}, expected a number")
        whole = exact and kind == "number" and name in logged.schema.names and _is_whole(logged.schema.field(name).type)
        arrays.append(logged.column(name) if whole else _optional(logged, name, KINDS[kind]))
    return arrays


def _is_whole(column: pa.DataType) -> bool:
    return bool(pa.types.is_integer(column) or pa.types.is_decimal(column))


def _is_number(column: pa.DataType) -> bool:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return any(is_kind(column) for is_kind in kinds)
