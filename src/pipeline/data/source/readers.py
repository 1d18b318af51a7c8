"""Reading CSV and Parquet files of any origin; an error says in one line why a file can't be read."""

import unicodedata
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.data.source import csv_files
from pipeline.data.source.sources import COMPRESSIONS

# The index of a pandas table that was written without a name for it is no column of the data.
INDEX = "__index_level_0__"
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


def read(
    path: Path, name: str, extension: str, data: params.Data | None = None, *, text: Collection[str] = ()
) -> pa.Table:
    """The table in the CSV or Parquet file at `path`, `name` in errors; types are the file's or its values'.

    A CSV file is read in the form of `data.csv`, with the words of `data.missing` as missing values, and the columns
    `text` as text. PipelineError for a file that is empty, cut off, damaged, in another form, or whose columns have
    no or equal names.
    """
    if path.stat().st_size == 0:
        raise PipelineError(f"{name}: is empty (0 bytes); get the file again, then `pipeline fetch`")
    if extension.startswith(".csv"):
        compression = COMPRESSIONS.get(extension.removeprefix(".csv"))
        missing, form = (data.missing, data.csv) if data else ((), params.Csv())
        table = csv_files.read(path, name, compression, missing, text, form)
    else:
        table = _parquet(path, name)
    _check_columns(table, name)
    return _plain(table, name)


def row_ids(path: Path) -> list[str]:
    """The ids of the rows of a batch that retraining wrote; empty for a file of other origin, or a damaged one."""
    import pyarrow.parquet as pq

    try:
        ids: list[str] = pq.read_table(path, columns=[INDEX]).column(0).to_pylist()
    except (pa.ArrowInvalid, IndexError):
        return []
    return ids


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
