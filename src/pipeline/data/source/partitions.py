"""Columns that the folders of files hold, as Spark and Hive write them: `region=north/part.parquet`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa

from pipeline.data.source import sources

MISSING = "__HIVE_DEFAULT_PARTITION__"


def add(source: sources.Source, tables: Sequence[pa.Table]) -> list[pa.Table]:
    """The tables of the source's files, with a column for each `name=value` folder that the source's wildcards match.

    Whole numbers become int64, any other values text. A column that a file itself has stays as it is there.
    """
    values = [_folders(source.source, file.path) for file in source.files]
    types = {name: _type([one.get(name) for one in values]) for name in dict.fromkeys(n for one in values for n in one)}
    return [_with_columns(table, one, types) for table, one in zip(tables, values, strict=True)]


def _with_columns(table: pa.Table, values: Mapping[str, str | None], types: Mapping[str, pa.DataType]) -> pa.Table:
    for name, value in values.items():
        if name not in table.column_names:
            column = pa.repeat(pa.scalar(value, pa.string()), table.num_rows).cast(types[name])
            table = table.append_column(name, column)
    return table


def _folders(pattern: str, path: str) -> dict[str, str | None]:
    """The names and values in the folders of a path, from the pattern's first wildcard on."""
    parts = (pattern if sources.is_remote(pattern) else Path(sources.local(pattern)).as_posix()).split("/")
    fixed = next((i for i, part in enumerate(parts) if any(char in part for char in sources.WILDCARDS)), len(parts))
    pairs = [folder.split("=", 1) for folder in path.split("/")[fixed:-1] if folder.find("=") > 0]
    return {unquote(name): None if value == MISSING else unquote(value) for name, value in pairs}


def _type(values: Sequence[str | None]) -> pa.DataType:
    present = [value for value in values if value is not None]
    whole = all(
        value.lstrip("-").isdecimal() and str(int(value)) == value and abs(int(value)) < 2**63 for value in present
    )
    return pa.int64() if present and whole else pa.string()
