"""The files of a measurement that belong into git, and how git names their content."""

from pipeline.core.git import blob_hash
from pipeline.github.client.pulls import NothingToDoError, Pull
from pipeline.review.measure.measurement import Bundle

FILES = {"dvc.lock": "dvc.lock", "metrics.json": "reports/metrics.json", "source.json": "data/source.json"}


def recorded(bundle: Bundle) -> dict[str, bytes]:
    """What the measurement has of them, by their path in the repository."""
    found = {path: bundle.path(name) for name, path in FILES.items()}
    return {path: file.read_bytes() for path, file in found.items() if file is not None}


def check(bundle: Bundle, pull: Pull) -> None:
    """Anybody can write a commit that looks like the bot's: only what was measured may stand in it."""
    measured = {path: blob_hash(content) for path, content in recorded(bundle).items()}
    if any(measured.get(path) != found for path, found in pull.blobs.items()):
        raise NothingToDoError(f"pull request {pull.number}: its head holds something else than was measured; outdated")
