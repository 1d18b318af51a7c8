"""Takes newly labelled rows and corrected labels into the data: batches in the store, listed in data/source.json."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract import schema
from pipeline.data.source import sources
from pipeline.data.source.sources import FINGERPRINT, Source
from pipeline.predictions.options import own
from pipeline.train.reproduce import check_names
from pipeline.watch.retrain import assemble, batch, corrections, label_lookup, logged, quarantine, write_batches
from pipeline.watch.retrain.candidates import Candidates
from pipeline.watch.retrain.label_lookup import Labels
from pipeline.watch.retrain.logged import LoggedRows
from pipeline.watch.retrain.outcome import Outcome
from pipeline.watch.retrain.quarantine import Quarantine

NO_LABELS = "monitor.labels: is not set; set it, or PIPELINE_LABELS_URL, to a file with the columns id and label"
NO_STORE = (
    "data.added: is not set; set it in params.yaml to a writable folder or URL for labelled rows, such as "
    "s3://bucket/added"
)


def update(
    settings: Params, log: str | None, labels: str | None, since: datetime | None, say: Callable[[str], None]
) -> Outcome:
    """Write the batches and data/source.json; PipelineError, and nothing written, where that is impossible.

    `say` is called with lines on the progress.
    """
    labels = labels or settings.monitor.labels
    if settings.data.added is None:
        raise PipelineError(NO_STORE)
    _check_others(settings.data.added)
    if not labels:
        raise PipelineError(NO_LABELS)
    check_names(settings)
    contract, recorded = schema.read(schema.PATH), _recorded(settings.data.added)
    key, target = settings.data.key, contract.columns[settings.task.target].type
    lookup = label_lookup.read(
        own(labels, "labels"), key, contract.columns[key].type if key else "text", settings.data, target
    )
    labelled = logged.read(own(log or settings.monitor.log, "log"), lookup.values, since, contract, settings, say)
    stored = {file: batch.labels(file, contract, settings.task.target) for file in recorded.batches}
    in_batches = {row for texts in stored.values() for row in texts.index}
    former = _quarantine(settings.data.added, settings, say)
    candidates = Candidates.of(labelled.rows, lookup, former.without({*labelled.rows, *in_batches}))
    new, differing = candidates.new(in_batches, recorded, contract, settings)
    assembled = assemble.assemble(new, candidates.labels, candidates.keys, contract, settings, former.rows)
    corrected, rejected = corrections.find(stored, lookup.values, contract, settings.task)
    known = len(labelled.rows.keys() - {row.id for row in new})
    counts = _counts(lookup, labelled).model_copy(update={"known": known, "differing": differing, "rejected": rejected})
    return write_batches.write(counts, assembled, corrected, candidates.rows, recorded, contract, settings)


def _check_others(store: str) -> None:
    """PipelineError where another pipeline of the repository keeps its rows in the same store."""
    if not (sources.is_remote(store) or Path(store).is_absolute()):
        return  # a folder of the pipeline's own
    for folder, other in pipelines.others():
        if other.data.added == store:
            raise PipelineError(
                f"data.added: is {store}, as in {folder}{params.PATH}; give each pipeline another ({pipelines.PAGE})"
            )


def _counts(lookup: Labels, labelled: LoggedRows) -> Outcome:
    """What was read of labels and log."""
    damage = labelled.damage + lookup.damage
    return Outcome(
        state="nothing",
        sentence="",
        labels=len(lookup.values),
        relabelled=lookup.relabelled,
        unlabelled=lookup.unlabelled,
        logged=labelled.read,
        damage=damage.counts,
        places=tuple(damage.places),
        labelled=len(labelled.rows),
    )


def _recorded(folder: str) -> Source:
    """The data as data/source.json lists it, with the batches of this folder that are part of it."""
    source = sources.read(FINGERPRINT)
    same = source.added is not None and source.added.folder == folder
    return source if same else source.model_copy(update={"added": sources.Added(folder=folder, files=())})


def _quarantine(folder: str, settings: Params, say: Callable[[str], None]) -> Quarantine:
    """The rows in quarantine; none, and a line about it, where a store can't be listed."""
    try:
        return quarantine.read(folder, settings)
    except PipelineError as error:
        say(f"rows of former quarantine files are counted as new: {error}")
        return Quarantine()
