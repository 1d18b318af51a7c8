"""The sentence for people where the model that ships was fitted again after it was measured."""

from pathlib import Path

from pipeline.models import signature as signatures

SIGNATURE = Path("models/signature.json")


def note(path: Path = SIGNATURE) -> list[str]:
    """One line on what the verdict is of; none where the measured model ships, or there is no model."""
    learned = signatures.read(path).refitted if path.is_file() else None
    if learned is None:
        return []
    return [
        f"the verdict is on the procedure, by rows that the measured model had not seen; the model that ships was then "
        f"fitted on all {learned.count:,} rows, {learned.first} to {learned.last}"
    ]
