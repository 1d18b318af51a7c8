"""Golden rows that are the person's: rows of the test data that a release carries, without their key."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.forget.person import Person
from pipeline.models import signature as signatures
from pipeline.ship.release import golden, locked_model, manifest

FOLDER = "data/split"  # training, validation and test rows, before features are computed of them


def rows(person: Person) -> list[dict[str, Any]]:
    """The person's rows of the split data, in the form of a request; none without a key, a split or a model."""
    model = Path(locked_model.SIGNATURE)
    if person.column is None or not model.is_file():
        return []
    signature = signatures.read(model)
    requests = list[dict[str, Any]]()
    for path in sorted(Path(FOLDER).glob("*.parquet")):
        table = parquet.read(path)
        if {person.column, *signature.columns} <= set(table.columns):
            requests += golden.to_request_rows(signature, table[person.by_key(table[person.column])])
    return requests


def in_release(requests: Sequence[dict[str, Any]], path: Path = manifest.PATH) -> int:
    """How many golden rows of the release that was built here are the person's."""
    if not requests or not path.is_file():
        return 0
    try:
        release = manifest.read(path)
    except PipelineError:
        return 0
    return sum(entry.get("row") in requests for entry in release.golden)
