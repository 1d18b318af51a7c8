"""The rows of a window that are compared: those with the lowest hashes of their id, each id once (bottom-k).

Which rows these are depends on the ids alone: not on the order of the log, nor on how it is split into files. How often
the sampled ids occur estimates how often the others do.
"""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.values import conversion, keys
from pipeline.models.signature import Signature
from pipeline.predictions.rows import FIELDS

HASH_KEY = "prediction log's"  # 16 characters, as SipHash takes
Hashes = keys.Hashes


def hash_ids(ids: Any) -> Hashes:
    """The hash of each id, (rows,)."""
    return keys.hashed(pd.Series(ids, dtype=object), HASH_KEY)


class IdSample:
    """At most `size` rows of a window, in memory bounded by `size`; without a signature their answers alone."""

    def __init__(self, signature: Signature | None, size: int) -> None:
        self._kinds, self._size = signature.kinds if signature else {}, size
        self._rows: dict[int, tuple[Any, ...]] = {}  # by hash: the pending rows, as they were read
        self._copies: dict[int, int] = {}  # by hash: how often a sampled id occurs
        self._table = self._frame({})  # the other rows, as a table: a tenth of the memory
        self.limit = 2**64 - 1  # rows with a higher hash are not in the sample

    @property
    def pending(self) -> int:
        """Rows that are not in the table yet."""
        return len(self._rows)

    def add(self, hashes: list[int], rows: list[tuple[Any, ...]]) -> None:
        """Add rows; of two with the same id the earlier one stays."""
        for hash_, row in zip(hashes, rows, strict=True):
            self._copies[hash_] = self._copies.get(hash_, 0) + 1
            previous = self._rows.get(hash_)
            if previous is None or row[1] < previous[1]:
                self._rows[hash_] = row[: len(FIELDS) + len(self._kinds)]
        if len(self._copies) > 1.25 * self._size:
            self._truncate()

    def flush(self) -> None:
        """Move the pending rows into the table."""
        if not self._rows:
            return
        self._truncate()
        added = self._frame(self._rows)
        self._table = pd.concat([self._table, added]) if len(self._table) else added
        self._table = self._table[self._table["hash"] <= self.limit].sort_values(["hash", "time"])
        self._table = self._table.drop_duplicates("hash", ignore_index=True)
        self._rows = {}

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The signature's columns, and the answers (FIELDS), both sorted by hash."""
        self.flush()
        features = self._table[list(range(len(self._kinds)))].set_axis(list(self._kinds), axis="columns")
        return features, self._table[list(FIELDS)]

    @property
    def distinct_share(self) -> float:
        """The share of the window's rows that is left when each id counts once."""
        copies = sum(self._copies.values())
        return len(self._copies) / copies if copies else 1.0

    def _truncate(self) -> None:
        if len(self._copies) <= self._size:
            return
        hashes = np.fromiter(self._copies, dtype=np.uint64, count=len(self._copies))
        self.limit = int(np.partition(hashes, self._size - 1)[self._size - 1])
        self._copies = {hash_: count for hash_, count in self._copies.items() if hash_ <= self.limit}
        self._rows = {hash_: row for hash_, row in self._rows.items() if hash_ <= self.limit}

    def _frame(self, rows: dict[int, tuple[Any, ...]]) -> pd.DataFrame:
        """The rows as a table, in which the signature's columns, which may have any name, are numbered."""
        columns: list[Any] = list(zip(*rows.values(), strict=True)) or [()] * (len(FIELDS) + len(self._kinds))
        fields = dict(zip(FIELDS, columns, strict=False))
        series: dict[Any, Any] = {name: pd.Series(fields[name], dtype="str") for name in ("id", "label", "release")}
        series["score"] = pd.Series(fields["score"], dtype="float64")
        series["time"] = pd.to_datetime(pd.Series(fields["time"], dtype="int64"), unit="us", utc=True)
        series["hash"] = pd.Series(list(rows), dtype="uint64")
        kinds = zip(self._kinds.values(), columns[len(FIELDS) :], strict=True)
        series |= {position: _typed(values, kind) for position, (kind, values) in enumerate(kinds)}
        return pd.DataFrame(series)


def _typed(values: Any, kind: Any) -> "pd.Series[Any]":
    """The values as a column of the kind; booleans are nullable, so that the type does not depend on the rows."""
    if kind == "number":
        return pd.Series(values, dtype="float64")
    if kind == "boolean":
        return pd.Series(values, dtype="boolean")
    texts = pd.Series(values, dtype="str")
    return texts if kind == "category" else conversion.convert(texts, "date")[0]
