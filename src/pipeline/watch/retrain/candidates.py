"""Labelled rows that may come into the data: those of the prediction log, and those in quarantine."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.core.params import Params
from pipeline.data.contract.schema import Schema
from pipeline.data.source.sources import Source
from pipeline.data.values import keys as identity
from pipeline.watch.retrain import batch
from pipeline.watch.retrain.label_lookup import Labels
from pipeline.watch.retrain.logged import Row
from pipeline.watch.retrain.quarantine import Quarantine


@dataclass(frozen=True)
class Candidates:
    """Rows by id with their labels, as text, and keys, where the labels bring one."""

    rows: Mapping[str, Row]
    labels: Mapping[str, str]
    keys: Mapping[str, str]

    @staticmethod
    def of(logged: Mapping[str, Row], lookup: Labels, quarantine: Quarantine) -> "Candidates":
        """The rows of both; the labels of the label files are newer than those in quarantine."""
        return Candidates(
            rows={**quarantine.rows, **logged},
            labels={**quarantine.labels, **lookup.values},
            keys={**quarantine.keys, **(lookup.keys or {})},
        )

    def new(
        self, in_batches: Collection[str], recorded: Source, contract: Schema, settings: Params
    ) -> tuple[list[Row], int]:
        """The rows that are in the data neither by their id nor by their key, and how many of the others have a key
        whose row in the data has another label.

        Where the last row of a key counts (data.deduplicate), rows whose key is in the data are new.
        """
        rows = {name: row for name, row in self.rows.items() if name not in in_batches}
        key, target = settings.data.key, settings.task.target
        if not self.keys or key is None or settings.data.deduplicate:
            return list(rows.values()), 0
        in_data = batch.labels_by_key(recorded, contract, settings.data, target)
        keys = identity.texts(pd.Series(self.keys, dtype=object), contract.columns[key].type)
        former = {name: in_data[keys[name]] for name in rows if name in keys and keys[name] in in_data}
        newest = pd.Series({name: self.labels[name] for name in former}, dtype=object)
        differs = identity.texts(newest, contract.columns[target].type) != pd.Series(former, dtype=object)
        return [row for name, row in rows.items() if name not in former], int(differs.sum())
