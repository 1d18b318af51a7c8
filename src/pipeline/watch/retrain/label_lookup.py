"""Labels that came later: the true value of the target for rows that the service answered, by the row's id."""

from dataclasses import dataclass, field

from pipeline.data.values import conversion
from pipeline.predictions import label_files
from pipeline.predictions.damage import Damage

ID, LABEL = label_files.COLUMNS


@dataclass
class Labels:
    """Label and, where the files have the key's column, key of each row id, as text; how many ids got several."""

    values: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] | None = None
    relabelled: int = 0
    damage: Damage = field(default_factory=Damage)


def read(where: str, key: str | None) -> Labels:
    """The labels of a path, a folder, a glob or a URL, as the monitor reads them; of two for a row the later counts.

    InputUnreadableError where there is no such file or it lacks a column.
    """
    found = Labels()
    extra = [key] if key and key not in label_files.COLUMNS else []  # a key called id is not what the column id is
    for file in label_files.listed(where):
        for _, table in label_files.tables(file, found.damage, extra):
            kept = table.dropna(subset=[ID, LABEL])
            for row, value in zip(kept[ID], conversion.labels(kept[LABEL]), strict=True):
                found.relabelled += found.values.get(row, value) != value
                found.values[row] = value
            if extra and key in kept.columns:
                keyed = kept[kept[key].notna()]
                found.keys = (found.keys or {}) | dict(zip(keyed[ID], conversion.labels(keyed[key]), strict=True))
    return found
