"""Labels that came later, joined to the sampled rows by row id: streamed, so that only matching ones are in memory."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.params import Data
from pipeline.data.values import conversion
from pipeline.data.values.column_types import Type
from pipeline.models.signature import Signature
from pipeline.predictions import label_files
from pipeline.predictions.damage import Damage
from pipeline.predictions.id_sample import hash_ids
from pipeline.predictions.windows import Labels, Window, WindowedLog


def join(windowed: WindowedLog, source: str, signature: Signature, data: Data | None = None) -> WindowedLog:
    """The windows with their `truth`. Of two labels of an id the later one counts, files in order of name.

    `data`: the form of CSV files, and their texts that are no label.

    InputUnreadableError where there are no labels, none of them is usable, or they can't be read.
    """
    joined = _Joined(signature, frozenset(row for window in windowed.windows for row in window.answers["id"]))
    joined.limit = min((_limit(window) for window in windowed.windows), default=2**64 - 1)
    kinds: dict[str, Type] = {"label": "number"} if signature.task == "regression" else {}
    for file in label_files.find(source):
        for first, table in label_files.tables(file, joined.damage, data=data, kinds=kinds):
            joined.add(file.name, first, table)
    label_files.check(source, joined.rows, joined.valid, joined.damage)
    return replace(
        windowed,
        windows=tuple(replace(window, truth=joined.truth(window)) for window in windowed.windows),
        damage=windowed.damage + joined.damage,
        labels=Labels(joined.rows, len(joined.labels), joined.unknown),
    )


@dataclass
class _Joined:
    """The labels of sampled rows, and counts over all labels."""

    signature: Signature
    sampled: frozenset[str]  # row ids
    limit: int = 2**64 - 1  # ids with hashes up to it are sampled if they are in a window
    rows: int = 0
    valid: int = 0
    compared: int = 0  # labels whose id has a hash up to the limit
    unmatched: int = 0  # of those, the ones of no sampled row
    labels: dict[str, Any] = field(default_factory=dict)
    damage: Damage = field(default_factory=Damage)

    def add(self, name: str, first: int, table: pd.DataFrame) -> None:
        """Add some rows of a file; `first` is the line of the first of them, counted from 1."""
        self.rows += len(table)
        labels, invalid = self._typed(table["label"])
        invalid = invalid | table["id"].isna().to_numpy()
        if invalid.any():
            self.damage.add("labels", f"{name}:{first + int(np.argmax(invalid))}", self._expected(), int(invalid.sum()))
        ids, labels = table["id"][~invalid], labels[~invalid]
        self.valid += len(ids)
        if self.limit < 2**64 - 1:
            low = hash_ids(ids) <= np.uint64(self.limit)
            compared = ids[low]
        else:
            compared = ids
        matched = ids.isin(self.sampled)
        self.compared += len(compared)
        self.unmatched += int((~matched.loc[compared.index]).sum())
        for row, label in zip(ids[matched], labels[matched], strict=True):
            if self.labels.get(row, label) != label:
                self.damage.add("relabelled", name, f"{row[:64]} has another label than before; the later one counts")
            self.labels[row] = label

    @property
    def unknown(self) -> int:
        """Labels of no row of the windows."""
        return round(self.rows * self.unmatched / self.compared) if self.compared else 0

    def truth(self, window: Window) -> "pd.Series[Any]":
        """The labels of a window's sample, by its index."""
        labels = window.answers["id"].map(self.labels).dropna()
        return labels.astype("float64" if self.signature.task == "regression" else "str").rename("truth")

    def _typed(self, labels: "pd.Series[Any]") -> tuple["pd.Series[Any]", "np.ndarray[Any, np.dtype[np.bool_]]"]:
        """The labels as values of the target, and a mask of the invalid ones."""
        if self.signature.task == "regression":
            numbers, _ = conversion.convert(labels, "number")
            return numbers, numbers.isna().to_numpy()
        texts, classes = conversion.labels(labels), list(self.signature.classes)
        numbers, _ = conversion.convert(texts, "number")
        for other in (texts.str.strip(), conversion.labels(numbers), texts.str.lower()):
            texts = texts.where(texts.isin(classes), other.where(other.isin(classes), texts))
        return texts, ~texts.isin(classes).to_numpy()

    def _expected(self) -> str:
        allowed = "a number" if self.signature.task == "regression" else f"one of {', '.join(self.signature.classes)}"
        return f"needs an id and a label that is {allowed[:100]}"


def _limit(window: Window) -> int:
    """The hash up to which the window's sample holds every id."""
    if len(window.answers) == window.rows:
        return 2**64 - 1
    return int(hash_ids(window.answers["id"].iloc[-1:])[0])
