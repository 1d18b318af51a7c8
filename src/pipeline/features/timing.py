"""What a call of a feature's function costs."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.features.code import Call, Name, run

CALLS = 2_000  # with one row, to time one
ROUNDS = 3


def seconds(known: Mapping[Name, Any], call: Call, rows: int, calls: int = CALLS) -> float:
    """The processor time of a call with so many rows: the best of three rounds; `calls` of one row make a round."""
    arguments = {key: values[:rows] if isinstance(values, np.ndarray) else values for key, values in known.items()}
    repeats, best = calls if rows == 1 else 1, float("inf")
    with np.errstate(all="ignore"):
        for _ in range(ROUNDS):
            start = time.process_time()
            for _ in range(repeats):
                run(call, arguments, rows)
            best = min(best, (time.process_time() - start) / repeats)
    return best
