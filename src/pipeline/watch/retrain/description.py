"""The title and body of a retraining pull request: added rows, excluded rows, and what happens next."""

from collections.abc import Sequence

from pipeline.core.figures import pluralized
from pipeline.data.contract import schema
from pipeline.data.source.sources import FINGERPRINT, File
from pipeline.markup import markdown
from pipeline.markup.markdown import code, escape
from pipeline.predictions.damage import KINDS
from pipeline.watch.retrain import new_sides, summary
from pipeline.watch.retrain.outcome import Outcome, Reason

MAX_SHOWN = 30  # reasons in the table, and columns in the list
MAX_LENGTH = 10_000  # characters of the values that are not allowed; a text of GitHub has 65,536


def title(outcome: Outcome, name: str | None = None) -> str:
    """`name`: of the pipeline, where it has one."""
    return f"Retrain {f'{name} ' if name else ''}on {summary.new(outcome)}"


def body(
    outcome: Outcome,
    issue: int | None,
    drift: str | None,
    others: Sequence[int] = (),
    source: str = str(FINGERPRINT),
) -> str:
    """Markdown; `drift` is the issue's summary in one line, `others` are issues that the pull request already named.

    `source`: the file that it changes, from the top of the repository.
    """
    named = [f"Retrains for #{issue}{f': {escape(drift)}' if drift else ''}."] if issue else []
    why = " ".join([*named, *(f"Retrains for #{other}." for other in others)]) or "Retrains by hand."
    rows = [
        ("new in this pull request", outcome.rows),
        ("of them in quarantine until now", outcome.returned),
        ("answered by the service, UTC", f"{outcome.first} to {outcome.last}" if outcome.batch else 0),
        ("already in the data, with a corrected label", outcome.corrections),
        ("labels that were read, and those of a logged row", f"{outcome.labels:,} and {outcome.labelled:,}"),
        ("in the data already", outcome.known),
        ("left out, as a later row has their key", outcome.repeated),
        ("quarantined, as they break the data contract", outcome.quarantined),
        ("in quarantine already", outcome.quarantined_before),
    ]
    parts = [
        why,
        f"It changes `{source}` alone, which lists the batches of rows in the data store. `train.yaml` "
        "measures their effect on the model, the gate judges it like any other change, and a person merges.",
        markdown.table(("labelled rows", ""), [row for row in rows if row[1] != 0], "lr"),
        *(f"Batch: {_file(batch)}" for batch in [outcome.batch] if batch),
        *_corrections(outcome),
        *new_sides.section(outcome),
        *quarantine(outcome),
        *_notes(outcome),
    ]
    return "\n\n".join(parts)


def quarantine(outcome: Outcome) -> list[str]:
    """The excluded rows and why, and the refused corrections, as parts of a text."""
    parts = []
    if outcome.quarantined:
        parts += [
            f"### {pluralized(outcome.quarantined, 'row')} in quarantine",
            f"The model is not trained on them; each is in {code(outcome.quarantine)} with its reason. The next "
            "retraining takes those that the data contract allows by then.",
            *_reasons(outcome.reasons),
        ]
    if outcome.rejected:
        refused = sum(reason.rows for reason in outcome.rejected)
        parts += [
            f"### {pluralized(refused, 'corrected label')} refused",
            "The former labels stay, as the newer ones break the data contract.",
            *_reasons(outcome.rejected),
        ]
    return parts


def _reasons(reasons: Sequence[Reason]) -> list[str]:
    rows = [(reason.column, reason.check, reason.expected, reason.rows) for reason in reasons[:MAX_SHOWN]]
    more = [f"And {len(reasons) - MAX_SHOWN} more checks."] if len(reasons) > MAX_SHOWN else []
    return [markdown.table(("column", "check", "expected", "rows"), rows, "lllr"), *more, *_all_new_values(reasons)]


def _all_new_values(reasons: Sequence[Reason]) -> list[str]:
    """The values that are not allowed, column by column, and a note for those that would make the text too long."""
    parts, left_out, length = list[str](), list[str](), 0
    for reason in reasons:
        column = _new_values(reason)
        length += sum(map(len, column))
        if length <= MAX_LENGTH:
            parts += column
        elif column:
            length -= sum(map(len, column))
            left_out.append(str(code(reason.column)))
    note = f"Too long for here, and in the run's log: the values of {', '.join(left_out[:MAX_SHOWN])}."
    return [*parts, note] if left_out else parts


def _new_values(reason: Reason) -> list[str]:
    """The values that the contract does not allow, and its line that would."""
    if not reason.values:
        return []
    values = ", ".join(f"{code(markdown.cut(value))} ({rows:,})" for value, rows in reason.values.items())
    parts = [f"Values of {code(reason.column)} that are not allowed, with their rows: {values}."]
    if reason.line:
        parts.append(
            f"Where they are right, this line of `{schema.PATH}` allows them from the next retraining on (leave out "
            "what is wrong). Change it on the default branch, not on that of a retraining:"
        )
        parts.append(markdown.fenced(reason.line, "yaml"))
    return parts


def _corrections(outcome: Outcome) -> list[str]:
    return [
        f"{pluralized(correction.labels, 'corrected label')}: {_file(correction.file)} takes the place of "
        f"{code(correction.former)}, with the same rows."
        for correction in outcome.corrected[:MAX_SHOWN]
    ]


def _file(file: File) -> str:
    return f"{code(file.path)}, {file.size:,} bytes, SHA-256 {code(file.sha256)}"


def _notes(outcome: Outcome) -> list[str]:
    notes = []
    if outcome.absent and outcome.rows:
        columns = ", ".join(code(name) for name in outcome.absent[:MAX_SHOWN])
        notes.append(
            f"Without a value in any of these rows (not sent, left out by `serve.log.omit`, or no feature): {columns}."
        )
    if outcome.relabelled:
        notes.append(f"Labels that a later one of the same row replaced: {outcome.relabelled:,}.")
    if outcome.differing:
        notes.append(
            f"{pluralized(outcome.differing, 'row')} with a key that is in the data with another label, which stays; "
            "where the newer one is right, correct that row in `data.source`, or label it by its own id."
        )
    if outcome.unlabelled:
        notes.append(f"Not used: {pluralized(outcome.unlabelled, 'row')} of the label files without an id or a label.")
    if outcome.damage:
        damage = "; ".join(f"{count:,} {KINDS[kind]}" for kind, count in outcome.damage.items())
        places = f" The first: {', '.join(code(place) for place in outcome.places)}." if outcome.places else ""
        notes.append(f"Not used: {damage}.{places}")
    return notes
