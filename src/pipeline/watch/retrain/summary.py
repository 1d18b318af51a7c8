"""What `pipeline retrain` did, in words."""

from collections.abc import Iterator

from pipeline.core.figures import pluralized
from pipeline.data.contract import schema
from pipeline.data.source.sources import FINGERPRINT
from pipeline.markup.markdown import cut
from pipeline.predictions.damage import KINDS
from pipeline.watch.retrain import new_sides
from pipeline.watch.retrain.outcome import Outcome, Reason


def new(counts: Outcome) -> str:
    """What is new in the data; empty where nothing is."""
    parts = [
        pluralized(counts.rows, "newly labelled row") * bool(counts.rows),
        pluralized(counts.corrections, "corrected label") * bool(counts.corrections),
    ]
    return " and ".join(filter(None, parts))


def sentence(counts: Outcome) -> str:
    """The outcome in one line: what is new in the data, and why other labelled rows are not."""
    if not counts.labelled and not new(counts):
        rows = pluralized(counts.logged, "logged row")
        return f"nothing to learn from: none of {pluralized(counts.labels, 'label')} belongs to one of {rows}"
    left_out = [
        f"{count:,} {reason}"
        for count, reason in (
            (counts.known, "in the data already"),
            (counts.repeated, "with a later row of the same key"),
            (counts.quarantined, "against the data contract"),
        )
        if count
    ]
    parts = [
        new(counts) or "nothing to learn from",
        f"{counts.returned:,} of the rows from quarantine" * bool(counts.returned),
        f"of {pluralized(counts.labelled, 'labelled row')}: {', '.join(left_out)}" * bool(left_out),
        f"{counts.quarantined_before:,} in quarantine already" * bool(counts.quarantined_before),
    ]
    return "; ".join(filter(None, parts))


def lines(outcome: Outcome) -> Iterator[str]:
    """The lines of the terminal below the sentence."""
    for reason in outcome.reasons:
        yield f"quarantined: {_in_words(reason, 'row')}"
        yield from _how_to_allow(reason, "row")
    if outcome.quarantine:
        yield f"the quarantined rows are in {outcome.quarantine}"
    if outcome.absent and outcome.rows:
        yield f"without a value in any of these rows: {', '.join(outcome.absent)}"
    for correction in outcome.corrected:
        replaced = f"{correction.file.path} replaces {correction.former}"
        yield f"corrected: {pluralized(correction.labels, 'label')}: {replaced}"
    for reason in outcome.rejected:
        yield f"not corrected, the former label stays: {_in_words(reason, 'label')}"
        yield from _how_to_allow(reason, "label")
    if outcome.differing:
        yield (
            f"not corrected: {pluralized(outcome.differing, 'row')} with a key that is in the data with another label; "
            "where the newer label is right, correct that row in data.source, or label it by its own id"
        )
    yield from _unused(outcome)
    yield from new_sides.lines(outcome)
    if outcome.state == "added":
        yield f"{FINGERPRINT} lists the new batches: `make run` measures what they change"


def _unused(outcome: Outcome) -> Iterator[str]:
    """What label files and log hold that is not used."""
    if outcome.relabelled:
        yield f"labels that a later one of the same row replaced: {outcome.relabelled:,}"
    if outcome.unlabelled:
        yield f"not used: {pluralized(outcome.unlabelled, 'row')} of the label files without an id or a label"
    if outcome.labels > outcome.labelled:
        yield f"labels of rows that were not read from the log: {outcome.labels - outcome.labelled:,}"
    for kind, count in outcome.damage.items():
        yield f"not used: {count:,} {KINDS[kind]}"
    for place in outcome.places:
        yield f"  {cut(place, 300)}"


def _in_words(reason: Reason, noun: str) -> str:
    return f"{pluralized(reason.rows, noun)}: {reason.column}: {reason.check} ({reason.expected})"


def _how_to_allow(reason: Reason, noun: str) -> Iterator[str]:
    if reason.values:
        values = ", ".join(f"{cut(value)!r} ({pluralized(rows, noun)})" for value, rows in reason.values.items())
        yield f"  values: {values}"
    if reason.line:
        yield f"  where they are right, this line of {schema.PATH} allows them from the next retraining on:"
        yield f"  {reason.line}"
