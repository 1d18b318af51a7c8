"""The files of a measurement that are committed to git."""

from pipeline.core.git import blob_hash
from pipeline.github.client.pulls import NothingToDoError, Pull
from pipeline.review.measure.measurement import Bundle

FILES = {"dvc.lock": "dvc.lock", "metrics.json": "reports/metrics.json", "source.json": "data/source.json"}


def recorded(bundle: Bundle) -> dict[str, bytes]:
    """The content of those that the measurement has, by their path in the repository."""
    files = {path: bundle.path(name) for name, path in FILES.items()}
    return {path: file.read_bytes() for path, file in files.items() if file is not None}


def check(bundle: Bundle, pull: Pull) -> None:
    """NothingToDoError where the head has other content than was measured: anybody can imitate the bot's commit."""
    measured = {path: blob_hash(content) for path, content in recorded(bundle).items()}
    if any(measured.get(path) != blob for path, blob in pull.blobs.items()):
        raise NothingToDoError(f"pull request {pull.number}: its head has other files than were measured; outdated")
