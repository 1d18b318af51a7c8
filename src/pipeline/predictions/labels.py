"""Labels that came later, joined to the sampled rows by row id: streamed, so that only those of samples are held."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.values import conversion
from pipeline.models.signature import Signature
from pipeline.predictions import label_files
from pipeline.predictions.damage import Damage
from pipeline.predictions.id_sample import hashed
from pipeline.predictions.windows import Labels, Reading, Window


def join(reading: Reading, source: str, signature: Signature) -> Reading:
    """The reading with `truth` in its windows. Of two labels of an id the later one counts, files in order of name.

    InputUnreadableError where there are no labels or they can't be read.
    """
    found = _Found(signature, frozenset(one for window in reading.windows for one in window.answers["id"]))
    found.limit = min((_limit(window) for window in reading.windows), default=2**64 - 1)
    for file in label_files.listed(source):
        for first, table in label_files.tables(file, found.damage):
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
