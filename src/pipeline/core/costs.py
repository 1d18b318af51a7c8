"""What a stage cost, in a file of its own that no lock records: it differs from run to run."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.files import write_json

FOLDER = Path(".pipeline/costs")


@contextmanager
def measured(stage: str) -> Iterator[dict[str, Any]]:
    """Time the block and write seconds, peak memory (MB) and what the block adds to the yielded dictionary."""
    start, notes = time.perf_counter(), dict[str, Any]()
    yield notes
    cost = {
        "seconds": round(time.perf_counter() - start, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    write_json(FOLDER / f"{stage}.json", cost | notes)
