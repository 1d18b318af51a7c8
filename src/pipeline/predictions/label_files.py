"""Files of labels that came later, CSV or Parquet, read as tables of a bounded size."""

import contextlib
import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from pipeline.core import parquet
from pipeline.core.params import Csv, Data
from pipeline.data.values import conversion
from pipeline.data.values.column_types import Type
from pipeline.predictions import stores
from pipeline.predictions.damage import Damage, InputUnreadableError
from pipeline.predictions.stores import File

BLOCK = 4 * 2**20  # bytes of a CSV that are read at a time
BATCH = 50_000  # rows of a Parquet file that are read at a time
ENDINGS = (".csv", ".csv.gz", ".parquet", ".pq")
COLUMNS = ["id", "label"]
DECIMAL_COMMA = r"^(\s*[+-]?[0-9]*),([0-9]+)"


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
    file: File,
    damage: Damage,
    extra: Sequence[str] = (),
    data: Data | None = None,
    kinds: Mapping[str, Type] | None = None,
) -> Iterator[tuple[int, pd.DataFrame]]:
    """The rows of a file in blocks: (line or row of the first, table of id, label and those of `extra` that it has).

    Ids are text. In CSV an empty field is missing, and so is a text in data.missing; files have the form of data.csv or
    the usual one, and its decimal mark and dates count in columns that `kinds` declares as numbers and dates.
    Rows that can't be read are counted as damage; InputUnreadableError for a file that can't be.
    """
    is_parquet = file.name.endswith((".parquet", ".pq"))
    first = 1 if is_parquet else 2  # the header is line 1
    try:
        with file.opened("labels") as stream:
            for batch in _parquet(stream, extra) if is_parquet else _csv(stream, file.name, damage, extra, data):
                table = parquet.to_pandas(pa.Table.from_batches([batch]))
                if data and kinds and not is_parquet:
                    plain = {name: _plain(table[name], kind, data.csv) for name, kind in kinds.items() if name in table}
                    table = table.assign(**plain)
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


def _plain(texts: "pd.Series[Any]", kind: Type, form: Csv) -> "pd.Series[Any]":
    """Texts of a column of CSV as any other file has them: with a decimal point, dates as ISO 8601."""
    if kind in ("integer", "number") and form.decimal == ",":
        return texts.str.replace(DECIMAL_COMMA, r"\1.\2", regex=True)
    if kind == "date" and form.dates:
        dates = pd.to_datetime(texts, format=form.dates, errors="coerce")
        return conversion.labels(dates).where(dates.notna(), texts)
    return texts


def csv_form(stream: Any, is_compressed: bool, form: Csv) -> tuple[Csv, list[str]]:
    """The form of a file, that of data.csv or the usual one, and the names of its columns: none for an empty file."""
    header = list[str]()
    for tried in (form, Csv()):
        with contextlib.suppress(UnicodeError):
            header = _header(stream, is_compressed, tried)
        if set(COLUMNS) <= set(header):
            return tried, header
    return Csv(), header


def _header(stream: Any, is_compressed: bool, form: Csv) -> list[str]:
    """The names of the columns; the stream is at its start again."""
    stream.seek(0)
    encoding = "utf-8-sig" if form.encoding.lower() in ("utf-8", "utf8") else form.encoding
    with gzip.open(stream) if is_compressed else contextlib.nullcontext(stream) as plain:
        text = io.TextIOWrapper(plain, encoding=encoding, newline="")
        try:
            line = text.readline(10_000_000)
        finally:
            text.detach()  # else the stream is closed with it
    stream.seek(0)
    return next(csv.reader([line], delimiter=form.delimiter), [])


def _csv(stream: Any, name: str, damage: Damage, extra: Sequence[str], data: Data | None) -> Iterator[pa.RecordBatch]:
    """A row with too few or too many values (the last of a file that is being written) is damage."""

    def skip(row: arrow_csv.InvalidRow) -> str:
        place = f"{name}:{row.number}" if row.number else name
        damage.add("labels", place, f"has {row.actual_columns} values, the header {row.expected_columns}")
        return "skip"

    form, header = csv_form(stream, name.endswith(".gz"), data.csv if data else Csv())
    columns = _selected(header, extra) if header else COLUMNS
    content = pa.CompressedInputStream(pa.PythonFile(stream), "gzip") if name.endswith(".gz") else stream
    yield from arrow_csv.open_csv(
        content,
        read_options=arrow_csv.ReadOptions(block_size=BLOCK, use_threads=False, encoding=form.encoding),
        parse_options=arrow_csv.ParseOptions(
            delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=columns,
            column_types=dict.fromkeys(columns, pa.string()),
            null_values=["", *(data.missing if data else ())],
            strings_can_be_null=True,
        ),
    )
