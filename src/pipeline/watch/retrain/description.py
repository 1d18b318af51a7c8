"""The title and body of a retraining pull request: added rows, excluded rows, and what happens next."""

from collections.abc import Sequence

from pipeline.markup import markdown
from pipeline.markup.markdown import Markdown, code, escape
from pipeline.watch.retrain import new_sides
from pipeline.watch.retrain.outcome import Outcome

MAX_SHOWN = 30  # reasons in the table, and columns in the list


def title(outcome: Outcome) -> str:
    return f"Retrain on {outcome.rows:,} newly labelled rows"


def body(outcome: Outcome, issue: int | None, drift: str | None, others: Sequence[int] = ()) -> str:
    """Markdown; `drift` is the issue's summary in one line, `others` are issues that the pull request already named."""
    assert outcome.batch is not None
    named = [f"Retrains for #{issue}{f': {escape(drift)}' if drift else ''}."] if issue else []
    why = " ".join([*named, *(f"Retrains for #{other}." for other in others)]) or "Retrains by hand."
    rows = [
        ("new in this pull request", outcome.rows),
        ("answered by the service, UTC", f"{outcome.first} to {outcome.last}"),
        ("labels that were read, and those of a logged row", f"{outcome.labels:,} and {outcome.labelled:,}"),
        ("in the data already", outcome.known),
        ("left out, as a later row has their key", outcome.repeated),
        ("quarantined, as they break the data contract", outcome.quarantined),
        ("in quarantine already", outcome.quarantined_before),
    ]
    parts = [
        why,
        "It changes `data/source.json` alone, which now lists one more batch of rows in the data store. `train.yaml` "
        "measures their effect on the model, the gate judges it like any other change, and a person merges.",
        markdown.table(("labelled rows", ""), [row for row in rows if row[1] != 0], "lr"),
        Markdown(
            f"Batch: {code(outcome.batch.path)}, {outcome.batch.size:,} bytes, SHA-256 {code(outcome.batch.sha256)}"
        ),
        *new_sides.section(outcome),
        *quarantine(outcome),
        *_notes(outcome),
    ]
    return "\n\n".join(parts)


def quarantine(outcome: Outcome) -> list[str]:
    """The excluded rows, and why, as parts of a text."""
    if not outcome.quarantined:
        return []
    reasons = [(reason.column, reason.check, reason.expected, reason.rows) for reason in outcome.reasons[:MAX_SHOWN]]
    more = [f"And {len(outcome.reasons) - MAX_SHOWN} more checks."] if len(outcome.reasons) > MAX_SHOWN else []
    return [
        f"### {outcome.quarantined:,} rows in quarantine",
        f"The model is not trained on them; each is in {code(outcome.quarantine)} with its reason.",
        markdown.table(("column", "check", "expected", "rows"), reasons, "lllr"),
        *more,
    ]


def _notes(outcome: Outcome) -> list[str]:
    notes = []
    if outcome.absent:
        columns = ", ".join(code(name) for name in outcome.absent[:MAX_SHOWN])
        notes.append(
            f"Without a value in any of these rows (not sent, left out by `serve.log.omit`, or no feature): {columns}."
        )
    if outcome.relabelled:
        notes.append(f"{outcome.relabelled:,} labels were replaced by a later one of the same row.")
    if outcome.unlabelled:
        notes.append(f"{outcome.unlabelled:,} rows of the label files have no id or no label.")
    if outcome.damage:
        damage = ", ".join(f"{kind} {count:,}" for kind, count in outcome.damage.items())
        notes.append(f"Damage in the log and the labels: {damage}.")
    return notes
