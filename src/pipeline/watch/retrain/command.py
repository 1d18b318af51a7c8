"""`pipeline retrain`: take newly labelled rows of the prediction log into the data, where they keep its contract."""

from collections.abc import Mapping
from datetime import datetime

import click
import pandas as pd

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract import schema
from pipeline.data.source import fetch, sources
from pipeline.data.source.sources import FINGERPRINT, File, Source
from pipeline.predictions.options import Moment, on_the_log
from pipeline.watch.retrain import assemble, batch, label_lookup, logged, outcome
from pipeline.watch.retrain.assemble import Assembled
from pipeline.watch.retrain.label_lookup import Labels
from pipeline.watch.retrain.logged import Row
from pipeline.watch.retrain.outcome import Outcome

UNLABELLED = "monitor.labels: names none; set it, or PIPELINE_LABELS_URL, to a file with the columns id and label"
UNNAMED = (
    "data.added: names no store for labelled rows; set it in params.yaml to a folder or URL that can be written, such "
    "as s3://bucket/added"
)


@click.command(short_help="Take newly labelled rows into the data.")
@on_the_log
@click.option("--since", type=Moment(), help="Only rows answered since (default: the whole log).")
def command(log: str | None, labels: str | None, since: datetime | None) -> None:
    """Put labelled rows that are not in the data yet into data.added, and name the batch in data/source.json."""
    try:
        found = retrain(params.read(), log, labels, since)
    except PipelineError as problem:
        outcome.write(Outcome(state="refused", sentence=str(problem).splitlines()[0]))
        raise
    outcome.write(found)
    click.echo(f"retrain: {found.sentence}")
    for reason in found.reasons:
        click.echo(f"  quarantined: {reason.rows:,} rows: {reason.column}: {reason.check} ({reason.expected})")
    if found.quarantine:
        click.echo(f"  they are in {found.quarantine}")
    if found.absent:
        click.echo(f"  not in the log, so missing in these rows: {', '.join(found.absent)}")
    if found.batch:
        click.echo(f"  {FINGERPRINT} names {found.batch.path}: `make run` learns from it")


def retrain(knobs: Params, log: str | None, where: str | None, since: datetime | None) -> Outcome:
    """Write the batch and data/source.json; PipelineError, and nothing written, where that can't be done."""
    if knobs.data.added is None:
        raise PipelineError(UNNAMED)
    where = where or knobs.monitor.labels
    if not where:
        raise PipelineError(UNLABELLED)
    log = log or knobs.monitor.log
    agreed = schema.read(schema.PATH)
    recorded = _recorded(knobs.data.added)
    told = label_lookup.read(where, knobs.data.key)
    read = logged.read(log, told.values, since, agreed, knobs, lambda said: click.echo(f"retrain: {said}", err=True))
    fresh = new(read.rows, told, recorded, knobs)
    counts = Outcome(
        state="nothing",
        sentence="",
        labels=len(told.values),
        relabelled=told.relabelled,
        logged=read.read,
        damage=(read.damage + told.damage).counts,
        labelled=len(read.rows),
        known=len(read.rows) - len(fresh),
    )
    if not fresh:
        return counts.model_copy(update={"sentence": _sentence(counts)})
    made = assemble.assemble(fresh, told.values, told.keys, agreed, knobs)
    return _stored(counts, made, read.rows, knobs.data.added, recorded)


def _recorded(folder: str) -> Source:
    """The data as data/source.json has it, with the batches of this folder that are part of it."""
    found = sources.read(FINGERPRINT)
    kept = found.added is not None and found.added.folder == folder
    return found if kept else found.model_copy(update={"added": sources.Added(folder=folder, files=())})


def new(rows: Mapping[str, Row], told: Labels, recorded: Source, knobs: Params) -> list[Row]:
    """The rows that are not in the data: neither by their id in a batch of it, nor by the key that the labels bring.

    Where the last row of a key counts (data.deduplicate), a key that is known is no reason to leave a row out.
    """
    known = batch.ids(recorded.batches)
    keys, key = told.keys or {}, knobs.data.key
    held = batch.keys(recorded.files + recorded.batches, key) if keys and key and not knobs.data.deduplicate else set()
    return [row for row in rows.values() if row.id not in known and keys.get(row.id) not in held]


def _stored(counts: Outcome, made: Assembled, rows: Mapping[str, Row], folder: str, recorded: Source) -> Outcome:
    """The outcome with its files in the store, and the batch in data/source.json."""
    aside = _put(folder, "quarantine", made.quarantined, rows)
    added = _put(folder, "added", made.kept, rows)
    found = counts.model_copy(
        update={
            "rows": len(made.kept),
            "repeated": made.repeated,
            "quarantined": len(made.quarantined),
            "quarantine": aside.path if aside else None,
            "reasons": made.reasons,
            "absent": made.absent,
        }
    )
    found = found.model_copy(update={"sentence": _sentence(found)})
    if added is None:
        return found
    batches = {file.path: file for file in (*recorded.batches, added)}
    grown = sources.Added(folder=folder, files=tuple(batches[path] for path in sorted(batches)))
    fetch.write(FINGERPRINT, recorded.model_copy(update={"added": grown}))
    times = [rows[str(row)].time for row in made.kept.index]
    period = {"first": f"{min(times):%Y-%m-%d %H:%M}", "last": f"{max(times):%Y-%m-%d %H:%M}"}
    return found.model_copy(update=period | {"state": "added", "batch": added})


def _put(folder: str, prefix: str, table: pd.DataFrame, rows: Mapping[str, Row]) -> File | None:
    if table.empty:
        return None
    return batch.write(folder, prefix, table, max(rows[str(row)].time for row in table.index))


def _sentence(found: Outcome) -> str:
    """In one line what became of the labels."""
    if not found.labelled:
        return f"nothing to learn from: none of {found.labels:,} labels is of one of {found.logged:,} logged rows"
    gone = [
        f"{count:,} {why}"
        for count, why in (
            (found.known, "are in the data already"),
            (found.repeated, "have a later row of the same key"),
            (found.quarantined, "break the data contract"),
        )
        if count
    ]
    rest = f"; of {found.labelled:,} labelled rows {', '.join(gone)}" if gone else ""
    return f"{found.rows:,} newly labelled rows{rest}" if found.rows else f"nothing to learn from{rest}"
