"""Batches in the data store: Parquet files whose names are derived from their content, written whole or not at all."""

import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core import params, parquet
from pipeline.core.errors import PipelineError
from pipeline.data.source import readers, sources, store
from pipeline.data.source import table as tables
from pipeline.data.source.sources import File
from pipeline.data.values import keys as identity
from pipeline.data.values.column_types import Type

SETTING = "data.added"


def write(folder: str, prefix: str, table: pd.DataFrame, newest: datetime) -> File:
    """Write the table to the folder as `<prefix>-<time of its newest row>-<hash>.parquet`; its index is the row's id.

    The same rows give the same bytes and the same name. The index has no name, so the data's readers drop it.
    """
    with tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary, "batch.parquet")
        table.rename_axis(None).to_parquet(local, index=True)
        digest = sources.digest(local)
        path = f"{folder.rstrip('/')}/{prefix}-{newest:%Y%m%dT%H%M%SZ}-{digest[:8]}.parquet"
        store.put(local, path, SETTING)
        return File(path=path, size=local.stat().st_size, sha256=digest)


def ids(batches: Iterable[File]) -> set[str]:
    """The ids of the rows in these batches; PipelineError where one can't be read or has no ids."""
    row_ids = set[str]()
    for file in batches:
        try:
            column = pq.read_table(sources.ensure_local(file), columns=[readers.INDEX]).column(0)
        except (pa.ArrowException, OSError, IndexError):
            raise PipelineError(f"{file.path}: holds no row ids; was it written by `pipeline retrain`?") from None
        row_ids.update(column.to_pylist())
    return row_ids


def quarantined(folder: str) -> set[str]:
    """The ids of the rows in the quarantine files of this folder; PipelineError where one can't be read."""
    row_ids = set[str]()
    pattern = f"{folder.rstrip('/')}/quarantine-*.parquet"
    try:
        for path in store.matching(pattern, SETTING):
            system, place = sources.filesystem(path, SETTING)
            with system.open(place, "rb") as stream:
                row_ids.update(pq.read_table(stream, columns=[readers.INDEX]).column(0).to_pylist())
    except PipelineError:
        raise
    except Exception as error:  # each fsspec plug-in has errors of its own
        raise PipelineError(f"{SETTING}: {pattern}: can't be read: {sources.reason(error)}") from None
    return row_ids


def keys(source: sources.Source, key: str, kind: Type, data: params.Data) -> set[str]:
    """The keys in the files of the source and its batches, read as for training, as text of their declared type."""
    values = set[str]()
    for table in tables.parts(source, data, [key] if kind in ("category", "text") else ()):
        if key in table.column_names:
            values.update(identity.texts(parquet.to_pandas(table.select([key]))[key], kind).dropna())
    return values
