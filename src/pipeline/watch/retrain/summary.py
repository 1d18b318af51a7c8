"""What `pipeline retrain` did, in words."""

from collections.abc import Iterator

from pipeline.data.contract import schema
from pipeline.data.source.sources import FINGERPRINT
from pipeline.markup.markdown import cut
from pipeline.predictions.damage import KINDS
from pipeline.watch.retrain.outcome import Outcome, Reason


def new(counts: Outcome) -> str:
    """What is new in the data; empty where nothing is."""
    parts = [
        f"{counts.rows:,} newly labelled rows" * bool(counts.rows),
        f"{counts.corrections:,} corrected labels" * bool(counts.corrections),
    ]
    return " and ".join(filter(None, parts))


def sentence(counts: Outcome) -> str:
    """The outcome in one line: what is new in the data, and why other labelled rows are not."""
    if not counts.labelled and not new(counts):
        return f"nothing to learn from: none of {counts.labels:,} labels is of one of {counts.logged:,} logged rows"
    left_out = [
        f"{count:,} {reason}"
        for count, reason in (
            (counts.known, "are in the data already"),
            (counts.repeated, "have a later row of the same key"),
            (counts.quarantined, "break the data contract"),
        )
        if count
    ]
    parts = [
        new(counts) or "nothing to learn from",
        f"{counts.returned:,} of them were in quarantine" * bool(counts.returned),
        f"of {counts.labelled:,} labelled rows {', '.join(left_out)}" * bool(left_out),
        f"{counts.quarantined_before:,} are in quarantine already" * bool(counts.quarantined_before),
    ]
    return "; ".join(filter(None, parts))


def lines(outcome: Outcome) -> Iterator[str]:
    """The lines of the terminal below the sentence."""
    if outcome.unlabelled:
        yield f"not used: {outcome.unlabelled:,} rows of the label files have no id or no label"
    for reason in outcome.reasons:
        yield f"quarantined: {reason.rows:,} rows: {reason.column}: {reason.check} ({reason.expected})"
        yield from _how_to_allow(reason)
    if outcome.quarantine:
        yield f"they are in {outcome.quarantine}"
    if outcome.absent:
        yield f"without a value in any of these rows: {', '.join(outcome.absent)}"
    if outcome.relabelled:
        yield f"labels that a later one replaced: {outcome.relabelled:,}"
    for correction in outcome.corrected:
        yield f"corrected: {correction.labels:,} labels: {correction.file.path} replaces {correction.former}"
    for reason in outcome.rejected:
        yield (
            f"not corrected: {reason.rows:,} labels in the data stay, as the newer ones break the contract: "
            f"{reason.column}: {reason.check} ({reason.expected})"
        )
        yield from _how_to_allow(reason)
    if outcome.differing:
        yield (
            f"not corrected: {outcome.differing:,} rows of which the data has the key, with another label; where the "
            "newer one is right, correct it in data.source"
        )
    if outcome.labels > outcome.labelled:
        yield f"labels of rows that were not read from the log: {outcome.labels - outcome.labelled:,}"
    for kind, count in outcome.damage.items():
        yield f"not used: {count:,} {KINDS[kind]}"
    for place in outcome.places:
        yield f"  {cut(place, 300)}"
    if outcome.batch:
        yield f"{FINGERPRINT} lists {outcome.batch.path}: `make run` trains on it"


def _how_to_allow(reason: Reason) -> Iterator[str]:
    if reason.values:
        values = ", ".join(f"{cut(value)!r} ({rows:,} rows)" for value, rows in reason.values.items())
        yield f"  values: {values}"
    if reason.line:
        yield f"  where they are right, this line of {schema.PATH} takes them at the next retraining: {reason.line}"
