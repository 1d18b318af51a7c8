"""Batches in the data store: Parquet files whose names are derived from their content, written whole or not at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core import params, parquet
from pipeline.core.errors import PipelineError
from pipeline.data.contract.schema import Schema, text_columns
from pipeline.data.source import dvc_files, readers, sources, store
from pipeline.data.source import table as tables
from pipeline.data.source.sources import File
from pipeline.data.values import keys as identity

SETTING = "data.added"


@dataclass(frozen=True)
class Staged:
    """A file for the store that is not there yet, and where this machine has it."""

    file: File
    local: Path


def stage(workspace: Path, stem: str, table: pd.DataFrame) -> Staged:
    """Write the table, whose index is the rows' ids, to the workspace, as `<stem>-<hash>.parquet` in the store.

    The same rows give the same bytes and the same name. The index has no name, so the data's readers drop it.
    """
    local = workspace / f"{len(list(workspace.iterdir()))}.parquet"
    table.rename_axis(None).to_parquet(local, index=True)
    digest = sources.digest(local)
    file = File(path=f"{stem}-{digest[:8]}.parquet", size=local.stat().st_size, sha256=digest)
    return Staged(file, local)


def put(staged: Staged) -> None:
    """Copy the file to the store; PipelineError where that fails."""
    store.put(staged.local, staged.file.path, SETTING)


def read(file: File, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of a batch by their ids; PipelineError where it can't be read, or lacks ids or one of the columns."""
    try:
        path = sources.ensure_local(file)
        names = pq.read_schema(path).names
        if readers.INDEX not in names:
            raise PipelineError(f"{file.path}: holds no row ids; was it written by `pipeline retrain`?")
        if missing := set(columns or ()) - set(names):
            raise PipelineError(
                f"{file.path}: lacks the column {missing.pop()}; take the batch out of data/source.json"
            )
        return pd.read_parquet(path, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise PipelineError(f"{file.path}: can't be read: {str(error).splitlines()[0]}") from None


def labels(file: File, contract: Schema, target: str) -> "pd.Series[Any]":
    """The text of each row's label in a batch, by the row's id."""
    return identity.texts(read(file, [target])[target], contract.columns[target].type)


def labels_by_key(source: sources.Source, contract: Schema, data: params.Data, target: str) -> dict[str, str]:
    """The text of the label of each key in the source's files and its batches, read as for training."""
    assert data.key is not None
    if problems := dvc_files.bring():
        raise PipelineError("\n".join(problems))
    labels = dict[str, str]()
    for table in tables.parts(source, data, text_columns(contract)):
        if {data.key, target} <= set(table.column_names):
            frame = parquet.to_pandas(table.select([data.key, target]))
            texts = [identity.texts(frame[name], contract.columns[name].type) for name in (data.key, target)]
            labels.update((key, label) for key, label in zip(*texts, strict=True) if isinstance(key, str))
    return labels
