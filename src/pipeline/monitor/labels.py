"""Labels that came later, joined to the sampled rows by row id: streamed, so that only those of samples are held."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from pipeline.data import conversion
from pipeline.models.signature import Signature
from pipeline.monitor import stores
from pipeline.monitor.blind import BlindError
from pipeline.monitor.damage import Damage
from pipeline.monitor.sample import hashed
from pipeline.monitor.stores import File
from pipeline.monitor.windows import Labels, Reading, Window

BLOCK = 4 * 2**20  # bytes of a CSV that are read at a time
BATCH = 50_000  # rows of a Parquet file that are read at a time
ENDINGS = (".csv", ".csv.gz", ".parquet", ".pq")
COLUMNS = ["id", "label"]


def join(reading: Reading, source: str, signature: Signature) -> Reading:
    """The reading with `truth` in its windows. Of two labels of an id the later one counts, files in order of name.

    BlindError where there are no labels or they can't be read.
    """
    found = _Found(signature, frozenset(one for window in reading.windows for one in window.answers["id"]))
    found.limit = min((_limit(window) for window in reading.windows), default=2**64 - 1)
    for file in _files(source):
        for first, table in _tables(file, found.damage):
            found.add(file.name, first, table)
    return replace(
        reading,
        windows=tuple(replace(window, truth=found.truth(window)) for window in reading.windows),
        damage=reading.damage + found.damage,
        labels=Labels(found.rows, len(found.labels), found.unknown),
    )


@dataclass
class _Found:
    """The labels of sampled rows, and what is counted of all."""

    signature: Signature
    wanted: frozenset[str]
    limit: int = 2**64 - 1  # ids with hashes up to it are in a sample if they are in a window
    rows: int = 0
    compared: int = 0
    strange: int = 0
    labels: dict[str, Any] = field(default_factory=dict)
    damage: Damage = field(default_factory=Damage)

    def add(self, name: str, first: int, table: pd.DataFrame) -> None:
        """Take in some rows of a file; `first` is the place of the first of them, from 1."""
        self.rows += len(table)
        labels, wrong = self._typed(table["label"])
        wrong = wrong | table["id"].isna().to_numpy()
        if wrong.any():
            self.damage.add("labels", f"{name}:{first + int(np.argmax(wrong))}", self._expected(), int(wrong.sum()))
        ids, labels = table["id"][~wrong], labels[~wrong]
        if self.limit < 2**64 - 1:
            low = hashed(ids) <= np.uint64(self.limit)
            compared = ids[low]
        else:
            compared = ids
        known = ids.isin(self.wanted)
        self.compared += len(compared)
        self.strange += int((~known.loc[compared.index]).sum())
        for one, label in zip(ids[known], labels[known], strict=True):
            if self.labels.get(one, label) != label:
                self.damage.add("relabelled", name, f"{one[:64]} has another label than before; the later one counts")
            self.labels[one] = label

    @property
    def unknown(self) -> int:
        """Labels of no row of the windows."""
        return round(self.rows * self.strange / self.compared) if self.compared else 0

    def truth(self, window: Window) -> "pd.Series[Any]":
        """The labels of a window's sample, by its index."""
        found = window.answers["id"].map(self.labels).dropna()
        return found.astype("float64" if self.signature.task == "regression" else "str").rename("truth")

    def _typed(self, given: "pd.Series[Any]") -> tuple["pd.Series[Any]", "np.ndarray[Any, np.dtype[np.bool_]]"]:
        """The labels as the target has them, and which are none."""
        if self.signature.task == "regression":
            numbers, _ = conversion.convert(given, "number")
            return numbers, numbers.isna().to_numpy()
        texts, classes = conversion.labels(given), list(self.signature.classes)
        for other in (texts.str.strip(), conversion.labels(pd.to_numeric(texts, errors="coerce")), texts.str.lower()):
            texts = texts.where(texts.isin(classes), other.where(other.isin(classes), texts))
        return texts, ~texts.isin(classes).to_numpy()

    def _expected(self) -> str:
        allowed = "a number" if self.signature.task == "regression" else f"one of {', '.join(self.signature.classes)}"
        return f"needs an id and a label that is {allowed[:100]}"


def _limit(window: Window) -> int:
    """The hash up to which the window's sample is whole."""
    if len(window.answers) == window.rows:
        return 2**64 - 1
    return int(hashed(window.answers["id"].iloc[-1:])[0])


def _files(source: str) -> list[File]:
    found = [file for file in stores.listed(source, "labels") if file.name.endswith(ENDINGS)]
    if not found:
        raise BlindError("labels", f"{source}: leads to no labels ({', '.join('*' + ending for ending in ENDINGS)})")
    return found


def _tables(file: File, damage: Damage) -> Iterator[tuple[int, pd.DataFrame]]:
    """The rows of a file in blocks: (place of the first, table of id and label)."""
    first, read = (1, _parquet) if file.name.endswith((".parquet", ".pq")) else (2, _csv)  # the header is line 1
    try:
        with file.opened("labels") as stream:
            for batch in read(stream, file.name, damage):
                table = batch.to_pandas(date_as_object=False)
                yield first, table.assign(id=conversion.labels(table["id"]))
                first += len(table)
    except (pa.ArrowKeyError, KeyError, _LackingError):
        raise BlindError("labels", f"{file.name}: lacks a column; needed: {' and '.join(COLUMNS)}") from None
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise BlindError("labels", f"{file.name}: can't be read: {str(error).splitlines()[0]}") from None


class _LackingError(Exception):
    """A needed column is not there."""


def _parquet(stream: Any, name: str, damage: Damage) -> Iterator[pa.RecordBatch]:
    table = pq.ParquetFile(stream)
    if not set(COLUMNS) <= set(table.schema_arrow.names):
        raise _LackingError
    yield from table.iter_batches(BATCH, columns=COLUMNS)


def _csv(stream: Any, name: str, damage: Damage) -> Iterator[pa.RecordBatch]:
    """A row with too few or too many values (the last of a file that is being written) is damage."""

    def skip(row: arrow_csv.InvalidRow) -> str:
        place = f"{name}:{row.number}" if row.number else name
        damage.add("labels", place, f"has {row.actual_columns} values, the header {row.expected_columns}")
        return "skip"

    opened = pa.CompressedInputStream(pa.PythonFile(stream), "gzip") if name.endswith(".gz") else stream
    yield from arrow_csv.open_csv(
        opened,
        read_options=arrow_csv.ReadOptions(block_size=BLOCK, use_threads=False),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=COLUMNS, column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=True
        ),
    )
