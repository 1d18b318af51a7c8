"""Reading CSV and Parquet files of any origin; an error says in one line why a file can't be read."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.errors import PipelineError
from pipeline.data.source.sources import COMPRESSIONS

# The index of a pandas table that was written without a name for it is no column of the data.
INDEX = "__index_level_0__"
WHOLE = re.compile(r"[+-]?[0-9]{1,308}")
# What a column may hold; of these the data contract knows the type.
PLAIN = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_date,
    pa.types.is_timestamp,
)
# Control characters and breaks of lines and paragraphs, by their Unicode category: no name has them, since names are
# shown in lines of logs and in cells of tables.
BREAKING = {"Cc", "Zl", "Zp"}


def read(path: Path, name: str, extension: str, missing: Sequence[str] = (), *, text: Collection[str] = ()) -> pa.Table:
    """The table in the CSV or Parquet file at `path`, `name` in errors; types are the file's or its values'.

    In a CSV file an empty field is missing, and so is a text in `missing` (data.missing); a column whose numbers do not
    fit into 64 bits is text, and so are the columns `text`.

    PipelineError for a file that is empty, cut off, damaged, not UTF-8, or whose columns have no or equal names.
    """
    if path.stat().st_size == 0:
        raise PipelineError(f"{name}: is empty (0 bytes); get the file again, then `pipeline fetch`")
    if extension.startswith(".csv"):
        table = _csv(path, name, COMPRESSIONS.get(extension.removeprefix(".csv")), missing, text)
    else:
        table = _parquet(path, name)
    _check_columns(table, name)
    return _plain(table, name)


def _parquet(path: Path, name: str) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise PipelineError(
            f"{name}: can't be read as Parquet, it is cut off or damaged ({str(error).splitlines()[0]}); "
            "get the file again, then `pipeline fetch`"
        ) from None
    table = table.replace_schema_metadata(None)
    return table.drop_columns([INDEX]) if INDEX in table.column_names else table


def _plain(table: pa.Table, name: str) -> pa.Table:
    """The table with encoded columns decoded; PipelineError for a column of a type that the contract does not know."""
    for position, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_dictionary(kind):  # decoded, so that files that encode values differently fit together
            kind = kind.value_type
            table = table.set_column(position, field.name, table.column(position).cast(kind))
        if pa.types.is_nested(kind):
            raise PipelineError(f"{name}: column {field.name} holds {kind}; split it into plain columns")
        if not any(is_plain(kind) for is_plain in PLAIN):
            raise PipelineError(
                f"{name}: column {field.name} holds {kind}; write it as a number, as text or as a date, or take it out "
                "of the source"
            )
    return table


def _csv(path: Path, name: str, compression: str | None, missing: Sequence[str], text: Collection[str]) -> pa.Table:
    import pyarrow.csv as arrow_csv

    bad_rows: list[int] = []

    def record_row(row: arrow_csv.InvalidRow) -> str:
        bad_rows.append(row.actual_columns)  # the row's text is data, which must not be in a message
        return "error"

    parse = arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=record_row)
    convert = arrow_csv.ConvertOptions(
        strings_can_be_null=True, null_values=["", *missing], column_types=dict.fromkeys(text, pa.string())
    )
    try:
        with pa.input_stream(str(path), compression=compression) as stream:
            table = arrow_csv.read_csv(stream, parse_options=parse, convert_options=convert)
            names = table.column_names
        if inexact := _beyond_floats(table):
            convert.include_columns, convert.column_types = inexact, dict.fromkeys(inexact, pa.string())
            with pa.input_stream(str(path), compression=compression) as stream:
                texts = arrow_csv.read_csv(stream, parse_options=parse, convert_options=convert)
            table = _with_exact(table, texts)
    except UnicodeDecodeError:
        raise PipelineError(f"{name}: the header is not UTF-8 text; save the file as UTF-8") from None
    except (pa.ArrowException, OSError) as error:
        problem = _first_bad_row(path, compression) if bad_rows else _csv_problem(error)
        raise PipelineError(f"{name}: {problem}; get the file again, then `pipeline fetch`") from None
    for field in table.schema:
        if pa.types.is_binary(field.type):
            raise PipelineError(f"{name}: column {field.name} is not UTF-8 text; save the file as UTF-8")
    times = [field.name for field in table.schema if pa.types.is_time(field.type)]
    if times:  # the contract has no type for a time of day
        return _csv(path, name, compression, missing, {*text, *times})
    if len(names) == 1 and any(char in names[0] for char in ";\t|"):
        raise PipelineError(f"{name}: the header has no comma; save the file with commas between the columns")
    return table


def _beyond_floats(table: pa.Table) -> list[str]:
    """Columns of floats with a value that may be another one in the file: a large whole number, or the text nan."""
    return [
        field.name
        for field, column in zip(table.schema, table.columns, strict=True)
        if pa.types.is_float64(field.type)
        and pc.any(pc.or_(pc.is_nan(column), pc.greater_equal(pc.abs(column), 2.0**53))).as_py()
    ]


def _with_exact(table: pa.Table, texts: pa.Table) -> pa.Table:
    """The table, with those columns as text whose floats are not what the file says."""
    for name in texts.column_names:
        column = texts.column(name)
        if any(
            text.lower().lstrip("+-") == "nan" or (WHOLE.fullmatch(text) and int(text) != float(text))
            for text in column.unique().to_pylist()
            if text is not None
        ):
            table = table.set_column(table.column_names.index(name), name, column)
    return table


def _first_bad_row(path: Path, compression: str | None) -> str:
    """The first row with too few or too many values: Arrow does not name it."""
    with pa.input_stream(str(path), compression=compression) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
        rows = (row for row in csv.reader(text) if row)
        columns = len(next(rows))
        number, values = next((i, len(row)) for i, row in enumerate(rows, start=1) if len(row) != columns)
    return (
        f"data row {number:,} has {values} {'value' if values == 1 else 'values'}, the header {columns}: "
        "cut off, or a comma that needs quotes"
    )


def _csv_problem(error: Exception) -> str:
    if "Truncated" in str(error):
        return "the compressed file is cut off"
    if "Empty CSV file" in str(error):
        return "is empty"
    return "is no CSV (UTF-8, commas, one header) or damaged"


def _check_columns(table: pa.Table, name: str) -> None:
    unnamed = [i for i, column in enumerate(table.column_names, start=1) if not column.strip()]
    if unnamed:
        raise PipelineError(
            f"{name}: column {unnamed[0]} has no name (a table's index, perhaps); name or drop it in the source"
        )
    for i, column in enumerate(table.column_names, start=1):
        if any(unicodedata.category(char) in BREAKING for char in column):
            raise PipelineError(
                f"{name}: the name of column {i}, {column!r}, holds a line break or another control character; "
                "rename it in the source"
            )
    repeated = [column for column, count in Counter(table.column_names).items() if count > 1]
    if repeated:
        raise PipelineError(f"{name}: column {repeated[0]} occurs more than once; rename it in the source")
