"""The raw data here against main's: rows, columns and categories that were added, removed or changed.

Tables are read in parts; only two hashes of each row are held in memory.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.data.values import conversion, keys
from pipeline.review.measure.measurement import Categories, ColumnChange, DataChange

CHUNK = 250_000  # rows read at a time
MAX_VALUES = 1000  # a column with more different texts has no categories
MAX_NAMES, MAX_COLUMNS = 20, 10_000  # as many as a measurement holds
LENGTH = 200  # characters of a name

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Digest:
    """A table's rows as hashes (rows,) of key and content, and the values of its text columns."""

    keys: Hashes
    contents: Hashes
    values: dict[str, set[str]]


def compare(main: Path, current: Path, key: str | None) -> DataChange:
    """What differs between two raw tables (Parquet), in the columns that both have; PipelineError where one is damaged.

    A row is identified by its key, or by its content where one table has no such column.
    """
    types = _types(main), _types(current)
    shared = [name for name in types[0] if name in types[1]]
    row_key = key if key in shared else None
    before, after = (_digest(path, shared, row_key) for path in (main, current))
    common = _count_common(before.keys, after.keys)
    return DataChange(
        rows_main=len(before.keys),
        rows_here=len(after.keys),
        added=len(after.keys) - common,
        removed=len(before.keys) - common,
        changed=None if row_key is None else _count_changed(before, after),
        columns=_columns(*types)[:MAX_COLUMNS],
        categories=_categories(before.values, after.values)[:MAX_COLUMNS],
    )


def is_new(main: Path, current: Path, key: str | None) -> npt.NDArray[np.bool_]:
    """Which rows (rows,) of the current table main's lacks: by key, else by the content of the columns of both."""
    types = _types(main), _types(current)
    shared = [name for name in types[0] if name in types[1]]
    columns, row_key = ([key], key) if key in shared else (shared, None)
    before, after = (_digest(path, columns, row_key).keys for path in (main, current))
    return np.isin(after, before, invert=True)


def unchanged(path: Path, keyed: bool) -> DataChange:
    """The change of a table that is main's; its rows are not read."""
    rows = count(path)
    changed = 0 if keyed else None
    return DataChange(rows_main=rows, rows_here=rows, added=0, removed=0, changed=changed, columns=[], categories=[])


def count(path: Path) -> int:
    """The number of rows in a Parquet file, by its metadata."""
    return int(_open(path).metadata.num_rows)


def _open(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise PipelineError(
            f"{path}: not a Parquet table ({str(error).splitlines()[0]}); `make run` makes it"
        ) from None


def _types(path: Path) -> dict[str, str]:
    """The type of each column; however text is stored, its type is `text`."""
    return {field.name: _type(field.type) for field in _open(path).schema_arrow}


def _type(kind: Any) -> str:
    if pa.types.is_dictionary(kind):
        return _type(kind.value_type)
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else str(kind)[:LENGTH]


def _digest(path: Path, columns: list[str], key: str | None) -> Digest:
    parts, values = list[tuple[Hashes, Hashes]](), dict[str, set[str] | None]()
    try:
        for batch in _open(path).iter_batches(CHUNK, columns=columns):
            for field, column in zip(batch.schema, batch.columns, strict=True):
                if _type(field.type) == "text":
                    values[field.name] = _merged_values(values.get(field.name, set()), column)
            parts.append(_hashed(pa.Table.from_batches([batch]), key))
    except (pa.ArrowException, OSError) as error:
        raise PipelineError(f"{path}: damaged ({str(error).splitlines()[0]}); remove it and run `make run`") from None
    nothing = np.empty(0, np.uint64)
    key_hashes, contents = (np.concatenate([nothing, *(part[side] for part in parts)]) for side in (0, 1))
    return Digest(key_hashes, contents, {name: texts for name, texts in values.items() if texts is not None})


def _merged_values(values: set[str] | None, column: Any) -> set[str] | None:
    """The values so far and those of the column; None once there are too many."""
    if values is None:
        return None
    distinct = column.unique()
    if len(distinct) > MAX_VALUES + 1:
        return None
    values = values | {str(value) for value in distinct.to_pylist() if value is not None}
    return values if len(values) <= MAX_VALUES else None


def _hashed(table: Any, key: str | None) -> tuple[Hashes, Hashes]:
    """The hashes of each row's key and content; without a key the content counts as one."""
    frame = parquet.to_pandas(table.replace_schema_metadata(None))
    contents = keys.content_hashes(frame, exact=True)
    if key is None:
        return contents, contents
    return keys.hashed(conversion.labels(frame[key]).fillna("\0missing"), "the key of a row"), contents


def _count_common(first: Hashes, second: Hashes) -> int:
    """How many rows the two have in common, counted as often as both have them."""
    (first_values, first_counts), (second_values, second_counts) = (
        np.unique(side, return_counts=True) for side in (first, second)
    )
    _, in_first, in_second = np.intersect1d(first_values, second_values, assume_unique=True, return_indices=True)
    return int(np.minimum(first_counts[in_first], second_counts[in_second]).sum())


def _count_changed(before: Digest, after: Digest) -> int:
    """How many keys of both tables have another content (a repeated key by its first row)."""
    (keys_before, rows_before), (keys_after, rows_after) = (
        np.unique(side.keys, return_index=True) for side in (before, after)
    )
    _, in_before, in_after = np.intersect1d(keys_before, keys_after, assume_unique=True, return_indices=True)
    return int((before.contents[rows_before[in_before]] != after.contents[rows_after[in_after]]).sum())


def _columns(main: dict[str, str], current: dict[str, str]) -> list[ColumnChange]:
    names = [*current, *(name for name in main if name not in current)]
    return [
        ColumnChange(name=name[:LENGTH], main=main.get(name), here=current.get(name))
        for name in names
        if main.get(name) != current.get(name)
    ]


def _categories(main: dict[str, set[str]], current: dict[str, set[str]]) -> list[Categories]:
    changes = []
    for name in sorted(main.keys() & current.keys()):
        added, removed = sorted(current[name] - main[name]), sorted(main[name] - current[name])
        if added or removed:
            examples = [[value[:LENGTH] for value in side[:MAX_NAMES]] for side in (added, removed)]
            changes.append(
                Categories(
                    column=name[:LENGTH],
                    added=examples[0],
                    removed=examples[1],
                    added_count=len(added),
                    removed_count=len(removed),
                )
            )
    return changes
