"""The raw data here against main's: rows, columns and categories that came, went or changed.

Tables are read in parts; only two hashes are held of each row.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.errors import PipelineError
from pipeline.data.values import conversion, keys
from pipeline.review.measure.measurement import Categories, ColumnChange, DataChange

CHUNK = 250_000  # rows read at a time
MOST_VALUES = 1000  # a column with more different texts has no categories
NAMED, MOST_COLUMNS = 20, 10_000  # as many as a measurement holds
LENGTH = 200  # characters of a name

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Digest:
    """A table's rows as hashes (rows,) of key and content, and the values of its text columns."""

    keys: Hashes
    contents: Hashes
    values: dict[str, set[str]]


def compare(main: Path, here: Path, key: str | None) -> DataChange:
    """What differs between two raw tables (Parquet), in the columns that both have; PipelineError where one is damaged.

    A row is known by its key, or where one table has no such column by its content.
    """
    types = _types(main), _types(here)
    shared = [name for name in types[0] if name in types[1]]
    known = key if key in shared else None
    before, after = (_digest(path, shared, known) for path in (main, here))
    kept = _common(before.keys, after.keys)
    return DataChange(
        rows_main=len(before.keys),
        rows_here=len(after.keys),
        added=len(after.keys) - kept,
        removed=len(before.keys) - kept,
        changed=None if known is None else _changed(before, after),
        columns=_columns(*types)[:MOST_COLUMNS],
        categories=_categories(before.values, after.values)[:MOST_COLUMNS],
    )


def unchanged(path: Path, keyed: bool) -> DataChange:
    """The change of a table that is main's; its rows are not read."""
    rows = count(path)
    changed = 0 if keyed else None
    return DataChange(rows_main=rows, rows_here=rows, added=0, removed=0, changed=changed, columns=[], categories=[])


def count(path: Path) -> int:
    """How many rows a Parquet file says that it has."""
    return int(_opened(path).metadata.num_rows)


def _opened(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise PipelineError(f"{path}: no Parquet table ({str(error).splitlines()[0]}); `make run` makes it") from None


def _types(path: Path) -> dict[str, str]:
    """The type of each column; how text is stored is no difference."""
    return {field.name: _type(field.type) for field in _opened(path).schema_arrow}


def _type(kind: Any) -> str:
    if pa.types.is_dictionary(kind):
        return _type(kind.value_type)
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else str(kind)[:LENGTH]


def _digest(path: Path, columns: list[str], key: str | None) -> Digest:
    parts, values = list[tuple[Hashes, Hashes]](), dict[str, set[str] | None]()
    try:
        for batch in _opened(path).iter_batches(CHUNK, columns=columns):
            for field, column in zip(batch.schema, batch.columns, strict=True):
                if _type(field.type) == "text":
                    values[field.name] = _joined(values.get(field.name, set()), column)
            parts.append(_hashed(pa.Table.from_batches([batch]), key))
    except (pa.ArrowException, OSError) as error:
        raise PipelineError(f"{path}: damaged ({str(error).splitlines()[0]}); remove it and run `make run`") from None
    nothing = np.empty(0, np.uint64)
    known, contents = (np.concatenate([nothing, *(part[side] for part in parts)]) for side in (0, 1))
    return Digest(known, contents, {name: found for name, found in values.items() if found is not None})


def _joined(known: set[str] | None, column: Any) -> set[str] | None:
    """The values so far and those of the column; None once there are too many."""
    if known is None:
        return None
    different = column.unique()
    if len(different) > MOST_VALUES + 1:
        return None
    known = known | {str(value) for value in different.to_pylist() if value is not None}
    return known if len(known) <= MOST_VALUES else None


def _hashed(table: Any, key: str | None) -> tuple[Hashes, Hashes]:
    """The hashes of each row's key and content; without a key the content counts as one."""
    for place, field in enumerate(table.schema):
        if pa.types.is_boolean(field.type):  # missing values would make it text in some parts and not in others
            table = table.set_column(place, field.name, table.column(place).cast(pa.int8()))
    frame = table.to_pandas(date_as_object=False, ignore_metadata=True)
    contents = keys.contents(frame)
    if key is None:
        return contents, contents
    return keys.hashed(conversion.labels(frame[key]).fillna("\0missing"), "the key of a row"), contents


def _common(first: Hashes, second: Hashes) -> int:
    """How many rows the two have in common, counted as often as both have them."""
    (one, times), (two, others) = (np.unique(side, return_counts=True) for side in (first, second))
    _, here, there = np.intersect1d(one, two, assume_unique=True, return_indices=True)
    return int(np.minimum(times[here], others[there]).sum())


def _changed(before: Digest, after: Digest) -> int:
    """How many keys of both tables have another content (a repeated key by its first row)."""
    (one, old), (two, new) = (np.unique(side.keys, return_index=True) for side in (before, after))
    _, here, there = np.intersect1d(one, two, assume_unique=True, return_indices=True)
    return int((before.contents[old[here]] != after.contents[new[there]]).sum())


def _columns(main: dict[str, str], here: dict[str, str]) -> list[ColumnChange]:
    names = [*here, *(name for name in main if name not in here)]
    return [
        ColumnChange(name=name[:LENGTH], main=main.get(name), here=here.get(name))
        for name in names
        if main.get(name) != here.get(name)
    ]


def _categories(main: dict[str, set[str]], here: dict[str, set[str]]) -> list[Categories]:
    found = []
    for name in sorted(main.keys() & here.keys()):
        added, removed = sorted(here[name] - main[name]), sorted(main[name] - here[name])
        if added or removed:
            shown = [[value[:LENGTH] for value in side[:NAMED]] for side in (added, removed)]
            found.append(
                Categories(
                    column=name[:LENGTH],
                    added=shown[0],
                    removed=shown[1],
                    added_count=len(added),
                    removed_count=len(removed),
                )
            )
    return found
