"""Files of labels that came later, CSV or Parquet, read as tables of a bounded size."""

import contextlib
import csv
import gzip
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from pipeline.core import parquet
from pipeline.data.values import conversion
from pipeline.predictions import stores
from pipeline.predictions.damage import Damage, InputUnreadableError
from pipeline.predictions.stores import File

BLOCK = 4 * 2**20  # bytes of a CSV that are read at a time
BATCH = 50_000  # rows of a Parquet file that are read at a time
ENDINGS = (".csv", ".csv.gz", ".parquet", ".pq")
COLUMNS = ["id", "label"]


def find(source: str) -> list[File]:
    """The label files at a path, folder, glob or URL, in order of name; InputUnreadableError where there are none."""
    files = [file for file in stores.list_files(source, "labels") if file.name.endswith(ENDINGS)]
    if not files:
        raise InputUnreadableError(
            "labels",
            f"{source}: holds no file of labels ({', '.join('*' + ending for ending in ENDINGS)}); "
            f"{stores.NAMED_BY['labels']}",
        )
    return files


def tables(
    file: File, damage: Damage, extra: Sequence[str] = (), missing: Sequence[str] = ()
) -> Iterator[tuple[int, pd.DataFrame]]:
    """The rows of a file in blocks: (line or row of the first, table of id, label and those of `extra` that it has).

    Ids are text. In CSV an empty field is missing, and so is a text in `missing` (data.missing).
    Rows that can't be read are counted as damage; InputUnreadableError for a file that can't be.
    """
    is_parquet = file.name.endswith((".parquet", ".pq"))
    first = 1 if is_parquet else 2  # the header is line 1
    try:
        with file.opened("labels") as stream:
            for batch in _parquet(stream, extra) if is_parquet else _csv(stream, file.name, damage, extra, missing):
                table = parquet.to_pandas(pa.Table.from_batches([batch]))
                yield first, table.assign(id=conversion.labels(table["id"]))
                first += len(table)
    except (pa.ArrowKeyError, KeyError, _MissingColumnError):
        raise InputUnreadableError("labels", f"{file.name}: lacks a column; needed: {' and '.join(COLUMNS)}") from None
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise InputUnreadableError("labels", f"{file.name}: can't be read: {str(error).splitlines()[0]}") from None


def check(source: str, rows: int, labels: int, damage: Damage) -> None:
    """InputUnreadableError where the files at `source` hold rows (or none) but not one usable label."""
    if labels:
        return
    place = f"; {damage.places[0]}" if damage.places else ""
    raise InputUnreadableError("labels", f"{source}: no label in {rows:,} rows{place}")


class _MissingColumnError(Exception):
    """The id or the label column is missing."""


def _selected(available: Sequence[str], extra: Sequence[str]) -> list[str]:
    if not set(COLUMNS) <= set(available):
        raise _MissingColumnError
    return COLUMNS + [name for name in extra if name in available and name not in COLUMNS]


def _parquet(stream: Any, extra: Sequence[str]) -> Iterator[pa.RecordBatch]:
    table = pq.ParquetFile(stream)
    yield from table.iter_batches(BATCH, columns=_selected(table.schema_arrow.names, extra))


def _csv(
    stream: Any, name: str, damage: Damage, extra: Sequence[str], missing: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """A row with too few or too many values (the last of a file that is being written) is damage."""

    def skip(row: arrow_csv.InvalidRow) -> str:
        place = f"{name}:{row.number}" if row.number else name
        damage.add("labels", place, f"has {row.actual_columns} values, the header {row.expected_columns}")
        return "skip"

    with gzip.open(stream) if name.endswith(".gz") else contextlib.nullcontext(stream) as plain:
        header = plain.readline(10_000_000).decode("utf-8-sig")
    columns = _selected(next(csv.reader([header])), extra) if header else COLUMNS
    stream.seek(0)
    content = pa.CompressedInputStream(pa.PythonFile(stream), "gzip") if name.endswith(".gz") else stream
    yield from arrow_csv.open_csv(
        content,
        read_options=arrow_csv.ReadOptions(block_size=BLOCK, use_threads=False),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=columns,
            column_types=dict.fromkeys(columns, pa.string()),
            null_values=["", *missing],
            strings_can_be_null=True,
        ),
    )
