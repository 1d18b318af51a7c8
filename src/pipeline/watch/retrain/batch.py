"""Batches in the data store: Parquet files whose names follow from what is in them, written whole or not at all."""

import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.errors import PipelineError
from pipeline.data.source import readers, sources, store
from pipeline.data.source.sources import File
from pipeline.data.values import conversion

KNOB = "data.added"


def write(folder: str, prefix: str, table: pd.DataFrame, newest: datetime) -> File:
    """Put the table into the folder as `<prefix>-<time of its newest row>-<hash>.parquet`; its index is the row's id.

    Same rows, same bytes, same name. The index has no name of its own: whoever reads the data drops it.
    """
    with tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary, "batch.parquet")
        table.rename_axis(None).to_parquet(local, index=True)
        digest = sources.digest(local)
        path = f"{folder.rstrip('/')}/{prefix}-{newest:%Y%m%dT%H%M%SZ}-{digest[:8]}.parquet"
        store.put(local, path, KNOB)
        return File(path=path, size=local.stat().st_size, sha256=digest)


def ids(batches: Iterable[File]) -> set[str]:
    """The ids of the rows in these batches; PipelineError where one can't be read or is none of ours."""
    found = set[str]()
    for file in batches:
        try:
            column = pq.read_table(sources.opened(file), columns=[readers.INDEX]).column(0)
        except (pa.ArrowException, OSError, IndexError):
            raise PipelineError(f"{file.path}: holds no ids of rows; was it made by `pipeline retrain`?") from None
        found.update(column.to_pylist())
    return found


def keys(found: Iterable[File], key: str) -> set[str]:
    """The keys in files of the data, as text."""
    known = set[str]()
    for file in found:
        table = readers.read(sources.opened(file), file.path, sources.extension(file.path))
        if key in table.column_names:
            known.update(conversion.labels(table.select([key]).to_pandas()[key]))
    return known
