"""Time and memory of a stage, in a file that dvc.lock does not record: they differ from run to run."""

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
    """Time the block and write seconds, peak memory (MB) and what the block puts into the yielded dictionary."""
    start, details = time.perf_counter(), dict[str, Any]()
    yield details
    cost = {
        "seconds": round(time.perf_counter() - start, 3),
        "peak_memory_mb": round(peak_memory(resource.getrusage(resource.RUSAGE_SELF)), 1),
    }
    write_json(FOLDER / f"{stage}.json", cost | details)


def peak_memory(usage: resource.struct_rusage) -> float:
    """MB; the kernel counts kilobytes, but bytes on macOS."""
    return usage.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
