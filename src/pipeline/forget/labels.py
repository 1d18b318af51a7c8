"""The person's rows in the files of labels that came later."""

import contextlib
import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.core.params import Data
from pipeline.forget import places
from pipeline.forget.person import Person
from pipeline.forget.places import Found
from pipeline.predictions import label_files
from pipeline.predictions.damage import InputUnreadableError
from pipeline.predictions.stores import File

KNOB = "the labels"
ID = label_files.COLUMNS[0]


def ids(url: str, person: Person, data: Data) -> frozenset[str]:
    """The ids of rows that the label files connect with the person's key."""
    tables = [_table(file, person, data) for file in label_files.find(url)] if _key(person) else []
    return frozenset(
        str(row) for table in tables for row in table.loc[_masks(table, person)[0] & table[ID].notna(), ID]
    )


def find(url: str, person: Person, data: Data) -> Iterator[Found]:
    """The files with rows of the person, by key or id."""
    for file in label_files.find(url):
        by_key, by_id = _masks(_table(file, person, data), person)
        if rows := int((by_key | by_id).sum()):
            erase = lambda file=file: _erase(file, person, data)  # noqa: E731
            yield Found("labels", file.path, rows, erase, by_id=bool((by_id & ~by_key).any()))


def _key(person: Person) -> str | None:
    """The column of keys in label files, whose column `id` holds row ids, also where the key has that name."""
    return None if person.column in label_files.COLUMNS else person.column


def _masks(table: pd.DataFrame, person: Person) -> tuple[Any, Any]:
    """Which rows are the person's by key, and by id."""
    key = _key(person)
    by_key = person.by_key(table[key]) if key in table else pd.Series(False, index=table.index)
    return by_key.fillna(False).astype(bool), person.by_id(table[ID])


def _table(file: File, person: Person, data: Data) -> pd.DataFrame:
    """Id and key of each row."""
    try:
        with places.copied(file, "labels") as copy:
            if file.name.endswith((".parquet", ".pq")):
                names = pq.read_schema(copy).names
                chosen = [name for name in (ID, _key(person)) if name in names]
                return _checked(parquet.to_pandas(pq.ParquetFile(copy).read(columns=chosen)), file)
            with _opened(copy, data) as (stream, delimiter):
                header, *records = [fields for fields, _ in _records(stream, delimiter) if fields] or [[]]
            present = [name for name in header if name in (ID, _key(person))]
            columns = {name: [_at(fields, header.index(name)) for fields in records] for name in present}
            return _checked(pd.DataFrame(columns, dtype="str"), file)
    except (pa.ArrowException, csv.Error, UnicodeError, OSError, EOFError) as error:
        raise InputUnreadableError("labels", f"{file.path}: can't be searched: {str(error).splitlines()[0]}") from None


def _checked(table: pd.DataFrame, file: File) -> pd.DataFrame:
    if ID not in table:
        raise InputUnreadableError("labels", f"{file.path}: has no column id, so nobody can be found in it")
    return table


def _erase(file: File, person: Person, data: Data) -> None:
    table = _table(file, person, data)
    by_key, by_id = _masks(table, person)
    chosen = (by_key | by_id).to_numpy(bool)
    try:
        with places.copied(file, "labels") as copy:
            if file.name.endswith((".parquet", ".pq")):
                places.without(copy, pa.chunked_array([chosen]))
            else:
                _without(copy, chosen.tolist(), data)
            places.write_back(copy, file, KNOB)
    except OSError as error:
        raise PipelineError(f"{KNOB}: {file.path}: can't be written: {error.strerror or error}") from None


def _without(path: Path, removed: Sequence[bool], data: Data) -> None:
    """Rewrite a CSV file without these records; all others are the bytes that they were."""
    with _opened(path, data) as (stream, delimiter):
        encoding, records = stream.encoding, list(_records(stream, delimiter))
    numbers = iter(removed)
    header_seen, kept = False, list[str]()
    for fields, text in records:
        if not fields or not header_seen:  # an empty line is no record
            header_seen = header_seen or bool(fields)
            kept.append(text)
        elif not next(numbers):
            kept.append(text)
    content = "".join(kept).encode(encoding, _errors(encoding))
    path.write_bytes(gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content)


@contextlib.contextmanager
def _opened(path: Path, data: Data) -> Iterator[tuple[io.TextIOWrapper, str]]:
    """The file as text, with the delimiter that it has."""
    is_compressed = path.name.endswith(".gz")
    with path.open("rb") as raw:
        form, _ = label_files.csv_form(raw, is_compressed, data.csv)
        with gzip.open(raw) if is_compressed else contextlib.nullcontext(raw) as plain:
            yield io.TextIOWrapper(plain, form.encoding, _errors(form.encoding), newline=""), form.delimiter


def _errors(encoding: str) -> str:
    """How bytes that are no text survive being read and written again."""
    return "surrogateescape" if encoding.lower() in ("utf-8", "utf8", "ascii") else "strict"


def _records(stream: IO[str], delimiter: str) -> Iterator[tuple[list[str], str]]:
    """The fields of each record, and its text as the file has it."""
    text = list[str]()

    def lines() -> Iterator[str]:
        for line in stream:
            text.append(line)
            yield line.removeprefix("\ufeff")

    for fields in csv.reader(lines(), delimiter=delimiter):
        yield fields, "".join(text)
        text.clear()


def _at(fields: Sequence[str], place: int) -> str:
    """A field of a record, empty where the record is cut."""
    return fields[place] if place < len(fields) else ""
