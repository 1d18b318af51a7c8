"""What a stage cost, in a file of its own that no lock records: it differs from run to run."""

import resource
import sys
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
        "peak_memory_mb": round(peak_memory(resource.getrusage(resource.RUSAGE_SELF)), 1),
    }
    write_json(FOLDER / f"{stage}.json", cost | notes)


def peak_memory(used: resource.struct_rusage) -> float:
    """MB; the kernel counts kilobytes, but bytes on macOS."""
    return used.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
