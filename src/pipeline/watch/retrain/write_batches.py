"""Writes what retraining adds: all files on this machine first, and to the store if the pipeline can train on them."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.params import Params
from pipeline.data.contract.schema import Schema
from pipeline.data.source import fetch, sources
from pipeline.data.source.sources import FINGERPRINT, File, Source
from pipeline.watch.retrain import batch, new_sides, quarantine, summary, trainable
from pipeline.watch.retrain.assemble import Assembled
from pipeline.watch.retrain.batch import Staged
from pipeline.watch.retrain.corrections import Corrected
from pipeline.watch.retrain.logged import Row
from pipeline.watch.retrain.outcome import Correction, Outcome


def write(
    counts: Outcome,
    assembled: Assembled,
    corrected: Sequence[Corrected],
    rows: Mapping[str, Row],
    recorded: Source,
    contract: Schema,
    settings: Params,
) -> Outcome:
    """Write the files to the store and list the batches in data/source.json; the complete outcome.

    PipelineError, and nothing written, where the pipeline could not train on the data then.
    """
    assert recorded.added is not None
    folder = recorded.added.folder.rstrip("/")
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name)
        excluded = _stage(workspace, f"{folder}/quarantine", assembled.quarantined, rows)
        added = _stage(workspace, f"{folder}/added", assembled.accepted, rows)
        replacing = [batch.stage(workspace, item.former.path.rsplit("-", 1)[0], item.table) for item in corrected]
        batches = [*replacing, *([added] if added else [])]
        grown = _grown(recorded, batches, corrected)
        if batches:
            local = {staged.file.path: staged.local for staged in batches}
            table = trainable.check(grown, local, contract, settings)
            counts = counts.model_copy(update=_uses(assembled.accepted, table, settings))
        for staged in [*batches, *([excluded] if excluded else [])]:  # rows in quarantine count as reported
            batch.put(staged)
    if batches:
        fetch.write(FINGERPRINT, grown)
    added_file, quarantine_file = (staged.file if staged else None for staged in (added, excluded))
    return _outcome(counts, assembled, _corrections(corrected, replacing), added_file, quarantine_file, rows)


def _corrections(corrected: Sequence[Corrected], replacing: Sequence[Staged]) -> tuple[Correction, ...]:
    return tuple(
        Correction(former=item.former.path, file=staged.file, labels=item.labels)
        for item, staged in zip(corrected, replacing, strict=True)
    )


def _stage(workspace: Path, prefix: str, table: pd.DataFrame, rows: Mapping[str, Row]) -> Staged | None:
    if table.empty:
        return None
    newest = max(rows[str(row)].time for row in table.index)
    return batch.stage(workspace, f"{prefix}-{newest:{quarantine.TIME}}", table)


def _uses(added: pd.DataFrame, table: pd.DataFrame, settings: Params) -> dict[str, Any]:
    """What the added rows are for, as fields of the outcome."""
    if added.empty:
        return {}
    return {"sides": new_sides.sides(added, table, settings), "refits": settings.train.refits(settings.split)}


def _grown(recorded: Source, batches: Sequence[Staged], corrected: Sequence[Corrected]) -> Source:
    """The data with the new batches, and without those that they replace."""
    replaced = {item.former.path for item in corrected}
    files = {file.path: file for file in recorded.batches if file.path not in replaced}
    files |= {staged.file.path: staged.file for staged in batches}
    assert recorded.added is not None
    added = sources.Added(folder=recorded.added.folder, files=tuple(files[path] for path in sorted(files)))
    return recorded.model_copy(update={"added": added})


def _outcome(
    counts: Outcome,
    assembled: Assembled,
    corrected: tuple[Correction, ...],
    added: File | None,
    excluded: File | None,
    rows: Mapping[str, Row],
) -> Outcome:
    times = [f"{rows[str(row)].time:%Y-%m-%d %H:%M}" for row in assembled.accepted.index]
    outcome = counts.model_copy(
        update={
            "state": "added" if added or corrected else "nothing",
            "rows": len(assembled.accepted),
            "returned": assembled.returned,
            "first": min(times, default=None),
            "last": max(times, default=None),
            "repeated": assembled.repeated,
            "batch": added,
            "corrected": corrected,
            "quarantined": len(assembled.quarantined),
            "quarantined_before": assembled.before,
            "quarantine": excluded.path if excluded else None,
            "reasons": assembled.reasons,
            "absent": assembled.absent,
        }
    )
    return outcome.model_copy(update={"sentence": summary.sentence(outcome)})
