"""Labels that came later: the true value of the target for rows that the service answered, by the row's id."""

from dataclasses import dataclass, field

from pipeline.core.params import Data
from pipeline.data.values import conversion
from pipeline.data.values import keys as identity
from pipeline.data.values.column_types import Type
from pipeline.predictions import label_files
from pipeline.predictions.damage import Damage

ID, LABEL = label_files.COLUMNS


@dataclass
class Labels:
    """The label of each row id and, where the files have the key's column, its key, as text.

    `relabelled`: how often a later label replaced another one; `unlabelled`: rows without an id or a label.
    """

    values: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] | None = None
    relabelled: int = 0
    unlabelled: int = 0
    damage: Damage = field(default_factory=Damage)


def read(url: str, key: str | None, kind: Type = "text", data: Data | None = None, target: Type = "text") -> Labels:
    """The labels at a path, folder, glob or URL, as the monitor reads them; of two labels of a row the later counts.

    `kind`, `target`: the declared types of key and target; `data`: the form of CSV files, and their texts that are no
    value.
    InputUnreadableError where there is no such file, it lacks a column, or there is no label.
    """
    labels, rows = Labels(), 0
    extra = [key] if key and key not in label_files.COLUMNS else []  # a column id holds row ids, not a key of that name
    kinds: dict[str, Type] = {LABEL: target, **dict.fromkeys(extra, kind)}
    for file in label_files.find(url):
        for _, table in label_files.tables(file, labels.damage, extra, data, kinds):
            rows += len(table)
            complete = table.dropna(subset=[ID, LABEL])
            labels.unlabelled += len(table) - len(complete)
            for row, value in zip(complete[ID], conversion.labels(complete[LABEL]), strict=True):
                labels.relabelled += labels.values.get(row, value) != value
                labels.values[row] = value
            if extra and key in complete.columns:
                keyed = complete[complete[key].notna()]
                labels.keys = (labels.keys or {}) | dict(zip(keyed[ID], identity.texts(keyed[key], kind), strict=True))
    label_files.check(url, rows, len(labels.values), labels.damage)
    return labels
