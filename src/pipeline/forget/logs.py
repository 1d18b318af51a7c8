"""The person's rows in copies of the prediction log: a local folder, or a store."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.core.errors import PipelineError
from pipeline.core.files import reason
from pipeline.forget import places
from pipeline.forget.person import Person
from pipeline.forget.places import Found
from pipeline.predictions import erasure, logs, stores
from pipeline.predictions.damage import InputUnreadableError
from pipeline.predictions.stores import File

KNOB = "the prediction log"


def find(url: str, person: Person) -> Iterator[Found]:
    """The files with rows of the person; PipelineError for one that can't be searched."""
    for file in stores.list_files(url, "log"):
        if file.name.endswith(logs.ENDINGS) and (rows := _rows(file, person, apply=False)):
            yield Found("log", file.path, rows, lambda file=file: _erase(file, person))  # type: ignore[misc]


def _erase(file: File, person: Person) -> None:
    _rows(file, person, apply=True)


def _rows(file: File, person: Person, *, apply: bool) -> int:
    """How many rows of the file are the person's; with `apply` they are removed. 0 for one that was rotated away."""
    matches = erasure.matcher(person.ids, person.derived)
    try:
        if not file.remote and not file.name.endswith(".parquet"):
            return erasure.erase(file.path, matches, apply=apply)
        with places.copied(file, "log") as copy:
            if file.name.endswith(".parquet"):
                rows = _parquet(copy, person, apply=apply)
            else:
                rows = erasure.erase(str(copy), matches, apply=apply)
            if rows and apply:
                places.write_back(copy, file, KNOB)
            return rows
    except FileNotFoundError:
        return 0
    except (OSError, pa.ArrowException) as error:
        why = reason(error) if isinstance(error, OSError) else str(error).splitlines()[0]
        verb = "written" if apply else "searched"
        raise PipelineError(
            f"{KNOB}: {file.path}: can't be {verb}: {why}; mend or remove the file, run again"
        ) from None


def _parquet(copy: Path, person: Person, *, apply: bool) -> int:
    table = pq.ParquetFile(copy)
    if "id" not in table.schema_arrow.names:
        raise InputUnreadableError("log", f"{copy.name}: has no column id, so nobody can be found in it")
    ids = pc.cast(table.read(columns=["id"]).column("id"), pa.string())
    mask = pc.fill_null(pc.is_in(ids, pa.array(sorted(person.ids), pa.string())), False)
    if (derived := person.derived) is not None:
        made = [row is not None and erasure.derive(row) == derived for row in ids.to_pylist()]
        mask = pc.or_(mask, pa.chunked_array([made], pa.bool_()))
    rows = int(pc.sum(mask).as_py() or 0)
    if rows and apply:
        places.without(copy, mask)
    return rows
