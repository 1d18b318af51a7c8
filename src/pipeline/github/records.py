"""The files of a measurement that belong into git, and how git names their content."""

import hashlib

from pipeline.measure.measurement import Bundle

FILES = {"dvc.lock": "dvc.lock", "metrics.json": "reports/metrics.json", "source.json": "data/source.json"}


def recorded(bundle: Bundle) -> dict[str, bytes]:
    """What the measurement has of them, by their path in the repository."""
    found = {path: bundle.path(name) for name, path in FILES.items()}
    return {path: file.read_bytes() for path, file in found.items() if file is not None}


def blob(content: bytes) -> str:
    """The SHA-1 that git gives a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
