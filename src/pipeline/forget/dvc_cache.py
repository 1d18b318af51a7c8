"""The person's rows in DVC's cache on this machine: what stages made of the data, and versions of former batches."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.errors import PipelineError
from pipeline.core.files import reason
from pipeline.core.yaml import load_yaml
from pipeline.data.source import dvc_files, readers
from pipeline.forget.person import Person
from pipeline.review.baseline.champion import cache_folder

MAGIC = b"PAR1"  # of Parquet, the one form in which the cache holds tables that a stage made
SCORES_KEY = "key"  # the column of reports/scores.parquet that has the rows' keys
OBJECTS = "files/md5"  # in the cache
TABLES = ("data/raw", "data/split", "reports", "models")  # folders of the work tree in which stages write tables


def find(person: Person) -> list[Path]:
    """The cache's files with rows of the person; not those that a .dvc file of data/ names, which is nobody else's."""
    source = {str(out.get("md5", "")) for path in _pointers() for out in (load_yaml(path, str(path)) or {})["outs"]}
    objects = sorted((cache_folder(Path()) / OBJECTS).glob("??/*"))
    return [path for path in objects if path.parent.name + path.name not in source and holds(path, person)]


def work_tree(person: Person) -> list[str]:
    """The tables of stages with rows of the person; the next run makes them again."""
    return [
        path.as_posix()
        for folder in TABLES
        for path in sorted(Path(folder).rglob("*.parquet"))
        if path.is_file() and holds(path, person)
    ]


def holds(path: Path, person: Person) -> bool:
    """Whether a file is a table with a row of the person; False for what is no table."""
    try:
        with path.open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                return False
        table = pq.ParquetFile(path)
        names = table.schema_arrow.names
        return any(person.by_id(column).any() for column in _columns(table, names, readers.INDEX)) or any(
            person.by_key(column).any()
            for name in (person.column, SCORES_KEY)
            for column in _columns(table, names, name if person.column else None)
        )
    except (pa.ArrowException, OSError):
        return False


def remove(md5s: Collection[str]) -> None:
    for md5 in md5s:
        unlink(cache_folder(Path()) / OBJECTS / md5[:2] / md5[2:])


def unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise PipelineError(f"the DVC cache: {path}: can't be removed: {reason(error)}; run again") from None


def _columns(table: pq.ParquetFile, names: Collection[str], column: str | None) -> Iterator["pd.Series[Any]"]:
    if column in names:
        for part in table.iter_batches(columns=[column]):
            yield pd.Series(part.column(0).to_pylist())


def _pointers() -> list[Path]:
    return sorted(Path(dvc_files.FOLDER).rglob(f"*{dvc_files.SUFFIX}"))
