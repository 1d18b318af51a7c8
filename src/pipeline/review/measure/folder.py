"""The folder of a measurement, built beside the old one and swapped in whole."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.review.measure.measurement import FILES, MANIFEST, Measurement

# What is left out of a manifest that is too large, the least needed first: field, how much of it stays.
SHORTENED: tuple[tuple[str, int | None], ...] = (("champion_gains", 500), ("data", None), ("features_main", None))


@contextlib.contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which it replaces when the block ends well; PipelineError where it can't."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        old = new.with_name(f"{new.name}.old")
        try:
            yield new
            new.chmod(0o755)
            if folder.exists():
                os.replace(folder, old)
            os.replace(new, folder)
        finally:
            for leftover in (new, old):
                shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise PipelineError(f"{folder}: can't be written: {error.strerror or error}; fix that and run again") from None


def write_manifest(folder: Path, manifest: Measurement) -> None:
    """Write the manifest, shortened until it is small enough for its reader."""
    text = manifest.model_dump_json(indent=1)
    for name, limit in SHORTENED:
        if len(text.encode()) <= FILES[MANIFEST]:
            break
        value: Any = None if limit is None else getattr(manifest, name)[:limit]
        note = f"{name.replace('_', ' ')}: too much for the measurement, so a part is left out"
        manifest = manifest.model_copy(update={name: value, "notes": [*manifest.notes[:49], note]})
        text = manifest.model_dump_json(indent=1)
    files.write_text(folder / MANIFEST, text + "\n")
