"""The data of this work tree against main's: the raw tables row by row, the training rows by their drift."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.review.measure.base import RAW, TRAIN, Base, outputs, stages
from pipeline.review.measure.measurement import DataChange

SIGNATURE, LOCK = Path("models/signature.json"), Path("dvc.lock")


@dataclass(frozen=True)
class DataDiff:
    """The change of the raw table, the drift report of the training rows, and what could not be compared.

    `new`: the number of new rows on each side of the split; None where there are none.
    """

    change: DataChange | None = None
    drift: dict[str, Any] | None = None
    new: dict[str, int] | None = None
    notes: list[str] = field(default_factory=list)


def compare(base: Base, knobs: params.Params, left_out: set[str]) -> DataDiff:
    """Both comparisons; `left_out` names the outputs that were not made."""
    locked = outputs(stages(LOCK.read_text(encoding="utf-8"))) if LOCK.is_file() else {}
    notes = list[str]()
    if base.lock is None:
        return DataDiff()  # the base's reason says what is missing
    change: DataChange | None = None
    drift: dict[str, Any] | None = None
    if RAW not in left_out and Path(RAW).is_file():
        change = _change(base, knobs.data.key, locked.get(RAW), notes)
    if not {TRAIN, str(SIGNATURE)} & left_out and Path(TRAIN).is_file() and SIGNATURE.is_file():
        drift = _drift(base, knobs.drift, locked.get(TRAIN), notes)
    return DataDiff(change, drift, _new(base, change, knobs, left_out), notes)


def _new(base: Base, change: DataChange | None, knobs: params.Params, left_out: set[str]) -> dict[str, int] | None:
    main_file = base.file(RAW)
    if not (change and change.added and main_file) or TRAIN in left_out:
        return None
    from pipeline.review.measure import new_rows

    return new_rows.count(main_file, Path(RAW), knobs)


def _change(base: Base, key: str | None, md5: str | None, notes: list[str]) -> DataChange | None:
    from pipeline.review.measure import raw_data

    if md5 is not None and md5 == base.md5(RAW):
        return raw_data.unchanged(Path(RAW), key is not None)
    main_file = base.file(RAW)
    if main_file is None:
        notes.append(f"the raw data of {base.name} are not in the DVC cache: rows and categories are not compared")
        return None
    return raw_data.compare(main_file, Path(RAW), key)


def _drift(base: Base, drift: params.Drift, md5: str | None, notes: list[str]) -> dict[str, Any] | None:
    if md5 is not None and md5 == base.md5(TRAIN):
        return _unchanged(drift)
    main_file = base.file(TRAIN)
    if main_file is None:
        notes.append(f"the training rows of {base.name} are not in the DVC cache: their drift is not measured")
        return None
    from pipeline.core import parquet
    from pipeline.drift import compare as columns
    from pipeline.models import signature

    kinds = signature.read(SIGNATURE).kinds
    tables = [parquet.read(path, _present_columns(path, list(kinds))) for path in (main_file, Path(TRAIN))]
    return columns.compare(tables[0], tables[1], kinds, drift)


def _unchanged(drift: params.Drift) -> dict[str, Any]:
    """The drift report of rows that are main's: nothing is read."""
    from pipeline.review.measure import raw_data

    rows = {"reference": (count := raw_data.count(Path(TRAIN))), "current": count}
    none: dict[str, Any] = {"columns": [], "skipped": [], "drifted": False, "drifted_columns": 0, "share": 0.0}
    return {"rows": rows, "compared_rows": rows, "bound": drift.share, **none, "same": True}


def _present_columns(path: Path, wanted: list[str]) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        raise PipelineError(f"{path}: not a Parquet table, or cut off; remove it and run `make run`") from None
    return [name for name in wanted if name in names]
