"""Classes with too few rows for a mean over classes: each row of such a class moves it by a lot."""

import numpy as np

from pipeline.core.tasks import ENOUGH_ROWS, OF_EACH_CLASS, label
from pipeline.evaluation.scoring import Scored


def too_rare(scored: Scored, metric: str) -> str:
    """Why a mean over classes can't be judged on these rows; empty where it can."""
    if metric not in OF_EACH_CLASS:
        return ""
    counts = np.bincount(scored.target.astype(np.intp), minlength=len(scored.classes))
    rarest = int(counts.argmin())
    if counts[rarest] >= ENOUGH_ROWS:
        return ""
    return (
        f"{label(metric)} needs {ENOUGH_ROWS} rows of each class, and class {scored.classes[rarest]} has "
        f"{counts[rarest]:,}"
    )
