"""The rows of a window that are compared: those with the lowest hashes of their id, each id once (bottom-k).

Which rows these are hangs on the ids alone: not on the order of the log, nor on how it is cut into files. How often the
sampled ids came tells how often the others did.
"""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.values import conversion, keys
from pipeline.models.signature import Signature
from pipeline.predictions.rows import TOLD

HASH_KEY = "prediction log's"  # 16 characters, as SipHash takes
Hashes = keys.Hashes


def hashed(ids: Any) -> Hashes:
    """The hash of each id, (rows,)."""
    return keys.hashed(pd.Series(ids, dtype=object), HASH_KEY)


class Sample:
    """At most `size` rows of a window, in memory bounded by it whatever comes."""

    def __init__(self, signature: Signature, size: int) -> None:
        self._kinds, self._size = {feature.source: feature.kind for feature in signature.features}, size
        self._rows: dict[int, tuple[Any, ...]] = {}  # by hash; the newest rows, as they were read
        self._copies: dict[int, int] = {}  # how often an id came, for those that are kept
        self._kept = self._frame({})  # rows that were put away, as a table: a tenth of the memory
        self.limit = 2**64 - 1  # rows with a higher hash are not kept any more

    @property
    def waiting(self) -> int:
        """Rows that are not put away yet."""
        return len(self._rows)

    def add(self, hashes: list[int], rows: list[tuple[Any, ...]]) -> None:
        """Take in rows; of two with the same id the earlier one stays."""
        for one, row in zip(hashes, rows, strict=True):
            self._copies[one] = self._copies.get(one, 0) + 1
            before = self._rows.get(one)
            if before is None or row[1] < before[1]:
                self._rows[one] = row
        if len(self._copies) > 1.25 * self._size:
            self._cut()

    def put_away(self) -> None:
        """Turn the rows that wait into a table."""
        self._cut()
        table = self._frame(self._rows)
        self._kept = pd.concat([self._kept, table]) if len(self._kept) else table
        self._kept = self._kept[self._kept["hash"] <= self.limit].sort_values(["hash", "time"])
        self._kept = self._kept.drop_duplicates("hash", ignore_index=True)
        self._rows = {}

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The signature's columns, and what was answered (TOLD), by rising hash."""
        self.put_away()
        features = self._kept[list(range(len(self._kinds)))].set_axis(list(self._kinds), axis="columns")
        return features, self._kept[list(TOLD)]

    @property
    def distinct(self) -> float:
        """The share of the window's rows that is left when each id counts once."""
        copies = sum(self._copies.values())
        return len(self._copies) / copies if copies else 1.0

    def _cut(self) -> None:
        if len(self._copies) <= self._size:
            return
        found = np.fromiter(self._copies, dtype=np.uint64, count=len(self._copies))
        self.limit = int(np.partition(found, self._size - 1)[self._size - 1])
        self._copies = {one: count for one, count in self._copies.items() if one <= self.limit}
        self._rows = {one: row for one, row in self._rows.items() if one <= self.limit}

    def _frame(self, rows: dict[int, tuple[Any, ...]]) -> pd.DataFrame:
        """The rows as a table; the signature's columns, which may have any name, go by their number in it."""
        columns: list[Any] = list(zip(*rows.values(), strict=True)) or [()] * (len(TOLD) + len(self._kinds))
        told = dict(zip(TOLD, columns, strict=False))
        made: dict[Any, Any] = {name: pd.Series(told[name], dtype="str") for name in ("id", "label", "release")}
        made["score"] = pd.Series(told["score"], dtype="float64")
        made["time"] = pd.to_datetime(pd.Series(told["time"], dtype="int64"), unit="us", utc=True)
        made["hash"] = pd.Series(list(rows), dtype="uint64")
        kinds = zip(self._kinds.values(), columns[len(TOLD) :], strict=True)
        made |= {at: _typed(values, kind) for at, (kind, values) in enumerate(kinds)}
        return pd.DataFrame(made)


def _typed(values: Any, kind: Any) -> "pd.Series[Any]":
    """Nullable booleans throughout: a table must not change its type with the rows that are put away."""
    if kind == "number":
        return pd.Series(values, dtype="float64")
    if kind == "boolean":
        return pd.Series(values, dtype="boolean")
    texts = pd.Series(values, dtype="str")
    return texts if kind == "category" else conversion.convert(texts, "date")[0]
