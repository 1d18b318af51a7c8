"""Labels of rows that are in the data already, and are another one by now: each batch with such rows is replaced."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.core.params import TaskSection
from pipeline.data.contract import check
from pipeline.data.contract.schema import Schema
from pipeline.data.source.sources import File
from pipeline.data.values import conversion
from pipeline.data.values import keys as identity
from pipeline.watch.retrain import batch, reasons
from pipeline.watch.retrain.outcome import Reason


@dataclass(frozen=True)
class Corrected:
    """All rows of a batch with their newest labels, the batch that they replace, and how many labels differ."""

    former: File
    table: pd.DataFrame
    labels: int


def find(
    stored: Mapping[File, "pd.Series[Any]"], labels: Mapping[str, str], contract: Schema, task: TaskSection
) -> tuple[list[Corrected], tuple[Reason, ...]]:
    """The batches of which labels were corrected, and the reasons why other corrected labels are not taken.

    `stored`: the texts of the labels of each batch, by row id, in the contract's type.
    """
    column = contract.columns[task.target]
    differing = {file: _differing(former, labels, column.type) for file, former in stored.items()}
    newest = pd.concat([pd.Series(dtype=object), *differing.values()])
    table = pd.DataFrame({task.target: newest})
    broken = check.broken_rows(table, Schema(columns={task.target: column}), task)
    refused = {row for _, mask in broken for row in newest.index[mask]}
    corrected = []
    for file, rows in differing.items():
        taken = rows[~rows.index.isin(refused)]
        if len(taken):
            corrected.append(Corrected(file, _corrected(file, taken, contract, task.target), len(taken)))
    return corrected, tuple(reasons.reason(table, pair, contract, task) for pair in broken)


def _differing(former: "pd.Series[Any]", labels: Mapping[str, str], kind: Any) -> "pd.Series[Any]":
    """The newest labels that are not those of the batch, by row id: 1 and 1.0 are one number."""
    newest = pd.Series({row: labels[row] for row in former.index if row in labels}, dtype=object)
    return newest[(identity.texts(newest, kind) != former[newest.index]).to_numpy(dtype=bool)]


def _corrected(file: File, labels: "pd.Series[Any]", contract: Schema, target: str) -> pd.DataFrame:
    table, kind = batch.read(file), contract.columns[target].type
    texts = identity.texts(table[target], kind).astype(object)
    texts[labels.index] = labels
    table[target] = conversion.convert(texts, kind)[0]
    return table
