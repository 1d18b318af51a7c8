"""Files of a store in which rows were found, and how they are written back: whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.core.errors import PipelineError
from pipeline.data.source import store
from pipeline.predictions.damage import Input
from pipeline.predictions.stores import File

READ_ONLY = ("http://", "https://")


@dataclass(frozen=True)
class Found:
    """A file with rows of the person: `erase` removes them.

    `by_id`: some are theirs by the id alone, which another file may be the only one to connect with the key.
    """

    kind: str
    name: str
    rows: int
    erase: Callable[[], None]
    by_id: bool = False


@contextmanager
def copied(file: File, kind: Input) -> Iterator[Path]:
    """A copy of a file on this machine, to read or to change, under the file's own name."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.path.rsplit("/", 1)[-1]
        with file.opened(kind) as stream, copy.open("wb") as target:
            shutil.copyfileobj(stream, target)
        yield copy


def write_back(copy: Path, file: File, knob: str) -> None:
    """Put a changed copy in the file's place; PipelineError where the store can't be written."""
    if file.remote:
        url = str(file.system.unstrip_protocol(file.path))
        if url.startswith(READ_ONLY):
            raise PipelineError(f"{knob}: {url}: a web server can't be written; remove the rows where it has them from")
        store.put(copy, url, knob)
        return
    status = os.stat(file.path)
    store.put(copy, file.path, knob)
    os.chmod(file.path, status.st_mode)
    os.utime(file.path, ns=(status.st_atime_ns, status.st_mtime_ns))  # its age decides how long it is kept


def without(path: Path, mask: pa.ChunkedArray) -> None:
    """Rewrite a Parquet file without the rows of the mask.

    Encoded columns are decoded: their dictionary would keep the values of rows that are gone.
    """
    source = pq.ParquetFile(path)
    compression = source.metadata.row_group(0).column(0).compression if source.metadata.num_row_groups else "SNAPPY"
    table = source.read().filter(pc.invert(mask))
    schema = pa.schema([field.with_type(_decoded(field.type)) for field in table.schema], table.schema.metadata)
    pq.write_table(table.cast(schema), path, compression=compression if compression != "UNCOMPRESSED" else "NONE")


def _decoded(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _decoded(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_decoded(field.type)) for field in kind])
    return kind
