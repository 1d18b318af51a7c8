"""The project's feature code, `src/project/features/`: one NumPy function a feature, for training and the service."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def table(frame: "pd.DataFrame", root: Path = Path(), fit_on: "pd.DataFrame | None" = None) -> "pd.DataFrame":
    """The values of all features for the rows of a table, for notebooks and tests.

    States are those of `models/features/`, or fitted on the rows of `fit_on`; then nothing needs to have run.
    PipelineError where a column is missing or a function fails.
    """
    from pipeline.features import notebook

    return notebook.of_checkout(frame, root, fit_on)
