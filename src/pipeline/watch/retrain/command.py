"""`pipeline retrain`: add newly labelled rows of the prediction log to the data, where they meet its contract."""

from collections.abc import Mapping
from datetime import datetime

import click
import pandas as pd

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract import schema
from pipeline.data.contract.schema import Schema
from pipeline.data.source import fetch, sources
from pipeline.data.source.sources import FINGERPRINT, File, Source
from pipeline.data.values.column_types import Type
from pipeline.predictions.options import Moment, log_options
from pipeline.watch.retrain import assemble, batch, label_lookup, logged, new_sides, outcome
from pipeline.watch.retrain.assemble import Assembled
from pipeline.watch.retrain.label_lookup import Labels
from pipeline.watch.retrain.logged import Row
from pipeline.watch.retrain.outcome import Outcome

NO_LABELS = "monitor.labels: is not set; set it, or PIPELINE_LABELS_URL, to a file with the columns id and label"
NO_STORE = (
    "data.added: is not set; set it in params.yaml to a writable folder or URL for labelled rows, such as "
    "s3://bucket/added"
)


@click.command(short_help="Take newly labelled rows into the data.")
@log_options
@click.option("--since", type=Moment(), help="Only rows answered since (default: the whole log).")
def command(log: str | None, labels: str | None, since: datetime | None) -> None:
    """Write labelled rows that are not in the data yet to data.added, and list the batch in data/source.json."""
    outcome.PATH.unlink(missing_ok=True)  # a run that breaks off leaves no outcome of another one
    try:
        result = new_sides.with_sides(retrain(params.read(), log, labels, since), params.read(), _say)
    except PipelineError as error:
        outcome.write(Outcome(state="refused", sentence=str(error).splitlines()[0]))
        raise
    outcome.write(result)
    click.echo(f"retrain: {result.sentence}")
    if unlabelled := result.unlabelled:
        click.echo(f"  not used: {unlabelled:,} rows of the label files have no id or no label")
    for reason in result.reasons:
        click.echo(f"  quarantined: {reason.rows:,} rows: {reason.column}: {reason.check} ({reason.expected})")
    if result.quarantine:
        click.echo(f"  they are in {result.quarantine}")
    if result.absent:
        click.echo(f"  without a value in any of these rows: {', '.join(result.absent)}")
    if result.relabelled:
        click.echo(f"  labels that a later one replaced: {result.relabelled:,}")
    if result.damage:
        damage = ", ".join(f"{name} {count:,}" for name, count in result.damage.items())
        click.echo(f"  could not be read: {damage} ({result.labels - result.labelled:,} labels have no row)")
    for line in new_sides.lines(result):
        click.echo(f"  {line}")
    if result.batch:
        click.echo(f"  {FINGERPRINT} lists {result.batch.path}: `make run` trains on it")


def retrain(settings: Params, log: str | None, labels: str | None, since: datetime | None) -> Outcome:
    """Write the batch and data/source.json; PipelineError, and nothing written, where that is impossible."""
    if settings.data.added is None:
        raise PipelineError(NO_STORE)
    labels = labels or settings.monitor.labels
    if not labels:
        raise PipelineError(NO_LABELS)
    log = log or settings.monitor.log
    contract = schema.read(schema.PATH)
    recorded = _recorded(settings.data.added)
    kinds = _kind(contract, settings.data.key), _kind(contract, settings.task.target)
    lookup = label_lookup.read(labels, settings.data.key, kinds[0], settings.data, kinds[1])
    labelled = logged.read(log, lookup.values, since, contract, settings, _say)
    fresh = new(labelled.rows, lookup, recorded, contract, settings)
    counts = Outcome(
        state="nothing",
        sentence="",
        labels=len(lookup.values),
        relabelled=lookup.relabelled,
        unlabelled=lookup.unlabelled,
        logged=labelled.read,
        damage=(labelled.damage + lookup.damage).counts,
        labelled=len(labelled.rows),
        known=len(labelled.rows) - len(fresh),
    )
    if not fresh:
        return counts.model_copy(update={"sentence": _sentence(counts)})
    quarantined = _quarantined(settings.data.added)
    assembled = assemble.assemble(fresh, lookup.values, lookup.keys, contract, settings, quarantined)
    return _store(counts, assembled, labelled.rows, settings.data.added, recorded)


def _kind(contract: Schema, name: str | None) -> Type:
    column = contract.columns.get(name or "")
    return column.type if column else "text"


def _recorded(folder: str) -> Source:
    """The data as data/source.json lists it, with the batches of this folder that are part of it."""
    source = sources.read(FINGERPRINT)
    same = source.added is not None and source.added.folder == folder
    return source if same else source.model_copy(update={"added": sources.Added(folder=folder, files=())})


def new(rows: Mapping[str, Row], labels: Labels, recorded: Source, contract: Schema, settings: Params) -> list[Row]:
    """The rows that are not in the data: neither by their id in one of its batches, nor by their key in the labels.

    Where the last row of a key counts (data.deduplicate), rows whose key is in the data are not left out.
    """
    known_ids = batch.ids(recorded.batches)
    keys, key = labels.keys or {}, settings.data.key
    known_keys = set[str]()
    if keys and key and not settings.data.deduplicate:
        known_keys = batch.keys(recorded, key, _kind(contract, key), settings.data)
    return [row for row in rows.values() if row.id not in known_ids and keys.get(row.id) not in known_keys]


def _quarantined(folder: str) -> set[str]:
    """The ids of rows in quarantine; none, and a line about it, where a store can't be listed."""
    try:
        return batch.quarantined(folder)
    except PipelineError as error:
        _say(f"rows of former quarantine files are counted as new: {error}")
        return set()


def _store(counts: Outcome, assembled: Assembled, rows: Mapping[str, Row], folder: str, recorded: Source) -> Outcome:
    """Write the files to the store and list the batch in data/source.json; the complete outcome."""
    quarantine = _put(folder, "quarantine", assembled.quarantined, rows)
    added = _put(folder, "added", assembled.accepted, rows)
    result = counts.model_copy(
        update={
            "rows": len(assembled.accepted),
            "repeated": assembled.repeated,
            "quarantined": len(assembled.quarantined),
            "quarantined_before": assembled.before,
            "quarantine": quarantine.path if quarantine else None,
            "reasons": assembled.reasons,
            "absent": assembled.absent,
        }
    )
    result = result.model_copy(update={"sentence": _sentence(result)})
    if added is None:
        return result
    batches = {file.path: file for file in (*recorded.batches, added)}
    grown = sources.Added(folder=folder, files=tuple(batches[path] for path in sorted(batches)))
    fetch.write(FINGERPRINT, recorded.model_copy(update={"added": grown}))
    times = [rows[str(row)].time for row in assembled.accepted.index]
    period = {"first": f"{min(times):%Y-%m-%d %H:%M}", "last": f"{max(times):%Y-%m-%d %H:%M}"}
    return result.model_copy(update=period | {"state": "added", "batch": added})


def _put(folder: str, prefix: str, table: pd.DataFrame, rows: Mapping[str, Row]) -> File | None:
    if table.empty:
        return None
    return batch.write(folder, prefix, table, max(rows[str(row)].time for row in table.index))


def _say(line: str) -> None:
    click.echo(f"retrain: {line}", err=True)


def _sentence(counts: Outcome) -> str:
    """The outcome for the labels, in one line."""
    if not counts.labelled:
        return f"nothing to learn from: none of {counts.labels:,} labels is of one of {counts.logged:,} logged rows"
    left_out = [
        f"{count:,} {reason}"
        for count, reason in (
            (counts.known, "are in the data already"),
            (counts.repeated, "have a later row of the same key"),
            (counts.quarantined, "break the data contract"),
            (counts.quarantined_before, "are in quarantine already"),
        )
        if count
    ]
    rest = f"; of {counts.labelled:,} labelled rows {', '.join(left_out)}" if left_out else ""
    return f"{counts.rows:,} newly labelled rows{rest}" if counts.rows else f"nothing to learn from{rest}"
