"""The pull request of a retraining in words: what came in, what was kept out, and what happens next."""

from collections.abc import Sequence

from pipeline.markup import markdown
from pipeline.markup.markdown import Markdown, code, escape
from pipeline.watch.retrain.outcome import Outcome

SHOWN = 30  # reasons in the table


def title(found: Outcome) -> str:
    return f"Retrain on {found.rows:,} newly labelled rows"


def body(found: Outcome, issue: int | None, drift: str | None, others: Sequence[int] = ()) -> str:
    """Markdown; `drift` is what the issue says in one line, `others` are issues that it was already for."""
    assert found.batch is not None
    named = [f"Retrains for #{issue}{f': {escape(drift)}' if drift else ''}."] if issue else []
    why = " ".join([*named, *(f"Retrains for #{other}." for other in others)]) or "Retrains by hand."
    rows = [
        ("new in this pull request", found.rows),
        ("which the service answered, UTC", f"{found.first} to {found.last}"),
        ("labels that came, and those of a logged row", f"{found.labels:,} and {found.labelled:,}"),
        ("in the data already", found.known),
        ("left out, as a later row has their key", found.repeated),
        ("quarantined, as they break the data contract", found.quarantined),
    ]
    parts = [
        why,
        "It changes `data/source.json` alone, which now names one more batch of rows in the data store. `train.yaml` "
        "measures what they do to the model, the gate judges it as any other change, and a person merges.",
        markdown.table(("labelled rows", ""), [row for row in rows if row[1] != 0], "lr"),
        Markdown(f"Batch: {code(found.batch.path)}, {found.batch.size:,} bytes, SHA-256 {code(found.batch.sha256)}"),
        *quarantine(found),
        *_notes(found),
    ]
    return "\n\n".join(parts)


def quarantine(found: Outcome) -> list[str]:
    """What was kept out, and why, as parts of a text."""
    if not found.quarantined:
        return []
    listed = [(one.column, one.check, one.expected, one.rows) for one in found.reasons[:SHOWN]]
    more = [f"And {len(found.reasons) - SHOWN} more checks."] if len(found.reasons) > SHOWN else []
    return [
        f"### {found.quarantined:,} rows in quarantine",
        f"They are not learnt from; each is in {code(found.quarantine)} with its reason.",
        markdown.table(("column", "check", "expected", "rows"), listed, "lllr"),
        *more,
    ]


def _notes(found: Outcome) -> list[str]:
    notes = []
    if found.absent:
        listed = ", ".join(code(name) for name in found.absent[:SHOWN])
        notes.append(
            f"Not in the prediction log (`serve.log.omit`, or no feature), so missing in these rows: {listed}."
        )
    if found.relabelled:
        notes.append(f"{found.relabelled:,} labels were replaced by a later one of the same row.")
    if found.damage:
        listed = ", ".join(f"{kind} {count:,}" for kind, count in found.damage.items())
        notes.append(f"What of the log could not be read: {listed}.")
    return notes
