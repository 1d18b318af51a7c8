"""Labels that came later: the true value of the target for rows that the service answered, by the row's id."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pipeline.data import conversion, readers, sources, store
from pipeline.errors import PipelineError

ID, LABEL, KNOB = "id", "label", "labels"


@dataclass
class Labels:
    """Label and, where the files have the key's column, key of each row id, as text; how many ids got several."""

    values: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] | None = None
    relabelled: int = 0


def read(where: str, key: str | None) -> Labels:
    """The labels of a path, a glob or a URL (CSV or Parquet); of two for a row the later one in the files counts.

    PipelineError where there is no such file or it lacks a column.
    """
    found = Labels()
    for path in _paths(where):
        table = _table(path)
        kept = table.dropna(subset=[ID, LABEL])
        ids, values = conversion.labels(kept[ID]), conversion.labels(kept[LABEL])
        for row, value in zip(ids, values, strict=True):
            found.relabelled += found.values.get(row, value) != value
            found.values[row] = value
        if key is not None and key in kept.columns:
            keyed = kept[key].notna()
            found.keys = (found.keys or {}) | dict(zip(ids[keyed], conversion.labels(kept[key][keyed]), strict=True))
    return found


def _paths(where: str) -> list[str]:
    try:
        paths = store.matching(where, KNOB)
    except PipelineError:
        raise
    except Exception as error:  # fsspec's plug-ins raise what they like
        raise PipelineError(f"{KNOB}: {where}: can't be reached: {sources.reason(error)}") from None
    if not paths:
        raise PipelineError(f"{KNOB}: {where}: no file is there; name a CSV or Parquet file with columns id and label")
    return paths


def _table(path: str) -> pd.DataFrame:
    extension = sources.extension(path)
    if extension not in sources.EXTENSIONS:
        raise PipelineError(f"{KNOB}: {path}: is neither CSV nor Parquet; allowed: {', '.join(sources.EXTENSIONS)}")
    table = readers.read(_here(path), path, extension)
    lacking = [name for name in (ID, LABEL) if name not in table.column_names]
    if lacking:
        raise PipelineError(f"{KNOB}: {path}: lacks the column {lacking[0]}; it needs {ID} and {LABEL}")
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _here(path: str) -> Path:
    if not sources.is_remote(path):
        return sources.local(path)
    try:
        return sources.DOWNLOADS / sources.download(path).sha256
    except PipelineError:
        raise
    except Exception as error:
        raise PipelineError(f"{KNOB}: {path}: can't be read: {sources.reason(error)}") from None
