"""The files of the data source, each checked against its hash, as one table."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.core import params, parquet
from pipeline.core.errors import PipelineError
from pipeline.data.source import partitions, readers, sources

MAX_ROWS = 10  # row numbers in a message
Staged = Mapping[str, Path]  # path of a batch that is not there yet: where this machine has it
NONE_STAGED: Staged = MappingProxyType({})


def read(
    source: sources.Source, data: params.Data, text: Collection[str] = (), *, staged: Staged = NONE_STAGED
) -> tuple[pa.Table, int]:
    """One table of all files, in the order of their paths and added batches last, and how many repeats were dropped.

    `text`: columns that are text where all files are CSV, whatever their values look like.
    PipelineError where a file differs from its fingerprint or can't be read, columns differ between files, the table
    is empty, the key column is missing, or a key repeats that may not.
    """
    files, n = source.files + source.batches, len(source.files)
    names = [file.path for file in files]
    tables = parts(source, data, text, staged=staged)
    table = concatenate([*tables[:n], *(_cast_batch(tables[0], batch) for batch in tables[n:])], names)
    if table.num_rows == 0:
        raise PipelineError(f"data.source: {source.source}: holds no row; get the data again, then `pipeline fetch`")
    if data.key is None:
        return table, 0
    if data.key not in table.column_names:
        raise PipelineError(
            f"data.key: {data.key} is no column of {source.source}; columns: {', '.join(table.column_names)}"
        )
    last, repeats = _repeats(parquet.to_pandas(table.select([data.key]))[data.key])
    if not repeats.any():
        return table, 0
    if data.deduplicate:
        return table.filter(pa.array(last)), int((~last).sum())
    rows = _row_numbers(np.flatnonzero(repeats), [part.num_rows for part in tables], names)
    raise PipelineError(
        f"data.key: {data.key} repeats in {int(repeats.sum()):,} rows ({rows}); remove the repeats in the source, or "
        "set data.deduplicate: true to keep the last row of each key"
    )


def parts(
    source: sources.Source, data: params.Data, text: Collection[str] = (), *, staged: Staged = NONE_STAGED
) -> list[pa.Table]:
    """The tables of the source's files, each column of a type that fits the other files', and of the added batches.

    `text`: columns that are text where all files are CSV.
    """
    if not all(sources.extension(file.path).startswith(".csv") for file in source.files):
        text = ()
    tables = [_read(file, data, text) for file in source.files]
    tables = partitions.add(source, _with_common_types(source.files, tables, data, text))
    return [*tables, *(_read(file, data, staged=staged) for file in source.batches)]


def _read(
    file: sources.File, data: params.Data, text: Collection[str] = (), *, staged: Staged = NONE_STAGED
) -> pa.Table:
    local = staged.get(file.path) or sources.ensure_local(file)
    return readers.read(local, file.path, sources.extension(file.path), data, text=text)


def _with_common_types(
    files: Sequence[sources.File], tables: Sequence[pa.Table], data: params.Data, text: Collection[str]
) -> list[pa.Table]:
    """The tables, with columns of CSV files as text where the files' values look like different types.

    In one CSV file with the same rows such a column would be text as well. The data contract then gives it its type.
    """
    names = set(tables[0].column_names).intersection(*(table.column_names for table in tables))
    apart = {name for name in names if not _fit_together([table.select([name]) for table in tables])}
    return [
        _read(file, data, apart.union(text)) if apart and sources.extension(file.path).startswith(".csv") else table
        for file, table in zip(files, tables, strict=True)
    ]


def _fit_together(tables: Sequence[pa.Table]) -> bool:
    try:
        pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return False
    return True


def concatenate(tables: Sequence[pa.Table], names: Sequence[str]) -> pa.Table:
    """The tables one below the other, columns by name; integers and numbers become numbers.

    PipelineError naming the file and the column where they do not fit.
    """
    first = tables[0]
    for table, name in zip(tables[1:], names[1:], strict=True):
        missing = [column for column in first.column_names if column not in table.column_names]
        extra = [column for column in table.column_names if column not in first.column_names]
        if missing or extra:
            differs = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"adds {', '.join(extra)}"] * bool(extra)
            raise PipelineError(
                f"{name}: {' and '.join(differs)}, compared with {names[0]}; give all files the same columns"
            )
    try:
        return pa.concat_tables([table.select(first.column_names) for table in tables], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        raise PipelineError(_type_conflict(tables, names)) from None


def _cast_batch(first: pa.Table, batch: pa.Table) -> pa.Table:
    """An added batch, which has the types of the contract, cast to the types of the source.

    A column that can't be cast stays as it is: `concatenate` reports the one that does not fit.
    """
    for place, field in enumerate(batch.schema):
        kind = first.schema.field(field.name).type if field.name in first.column_names else field.type
        if _group(kind) != _group(field.type):
            with contextlib.suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
                batch = batch.set_column(place, field.name, batch.column(place).cast(kind))
    return batch


def _group(kind: pa.DataType) -> str:
    """The types that permissive promotion joins: "number" for numbers, any other type by its name."""
    return "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else str(kind)


def _type_conflict(tables: Sequence[pa.Table], names: Sequence[str]) -> str:
    first = tables[0]
    for table, name in zip(tables[1:], names[1:], strict=True):
        for column in first.column_names:
            current, reference = (source.select([column]) for source in (table, first))
            if not _fit_together([reference, current]):
                return (
                    f"{name}: column {column} holds {current.schema.types[0]}, in {names[0]} it holds "
                    f"{reference.schema.types[0]}; give it one type in all files"
                )
    return f"{', '.join(names)}: the types of their columns do not fit together; give each one type in all files"


def _repeats(keys: "pd.Series[Any]") -> tuple["np.ndarray[tuple[int], np.dtype[np.bool_]]", ...]:
    """Which rows are the last of their key, and which share their key; a missing key repeats nothing."""
    present = keys.notna()
    last = ~(keys.duplicated(keep="last") & present)
    repeats = keys.duplicated(keep=False) & present
    return last.to_numpy(dtype=bool), repeats.to_numpy(dtype=bool)


def _row_numbers(rows: "np.ndarray[tuple[int], np.dtype[np.int64]]", sizes: Sequence[int], names: Sequence[str]) -> str:
    """The first row numbers (1-based data rows of each file), with the file's name where there are several."""
    starts = np.cumsum([0, *sizes])
    numbers = []
    for row in rows[:MAX_ROWS]:
        i = int(np.searchsorted(starts, row, side="right")) - 1
        number = f"{row - starts[i] + 1:,}"
        numbers.append(number if len(names) == 1 else f"{number} of {names[i]}")
    return f"rows {', '.join(numbers)}{', …' if len(rows) > MAX_ROWS else ''}"
