"""A base's model, scored by the base's own engine where that is another one: its code and its encoders never meet ours.

The same engine loads the feature code of two models side by side, each by its hash, so it needs no other process.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import parquet, pipelines
from pipeline.core.errors import PipelineError, last_line
from pipeline.core.git import git

Scores = np.ndarray[Any, Any]
Predict = Callable[[Path, pd.DataFrame], Scores]  # the scores of a table's rows by the model in a folder
ENGINE = "src/pipeline"
UNKNOWN = 3  # the exit status of an engine that has not the functions that are called here
SCRIPT = f"""
import sys
try:
    import numpy
    from pipeline.core import parquet
    from pipeline.core.errors import PipelineError
    from pipeline.models import model
    load, read = model.load, parquet.read
except (ImportError, AttributeError):
    sys.exit({UNKNOWN})
from pathlib import Path
folder, rows, scores = map(Path, sys.argv[1:])
try:
    numpy.save(scores, load(folder).predict(read(rows)))
except PipelineError as error:
    sys.exit(str(error))
"""


def _differs(base: str, root: Path = Path()) -> bool:
    """Whether the engine of revision `base` is another one than that of the work tree."""
    return git(pipelines.top(root), "diff", "--quiet", base, "--", ENGINE).returncode == 1


def scorer(base: str, otherwise: Predict, root: Path = Path()) -> Predict:
    """Scores by the engine of revision `base`; as `otherwise` where it is this one, or too old to be asked.

    They are a PipelineError where that engine can't score them.
    """

    if not _differs(base, root):
        return otherwise

    def by_base(folder: Path, table: pd.DataFrame) -> Scores:
        with tempfile.TemporaryDirectory(prefix="pipeline-engine-") as temporary:
            scores = _score(base, root, folder.absolute(), table, Path(temporary))
        return otherwise(folder, table) if scores is None else scores

    return by_base


def _score(base: str, root: Path, folder: Path, table: pd.DataFrame, place: Path) -> Scores | None:
    archive, rows, scores = place / "engine.tar", place / "rows.parquet", place / "scores.npy"
    result = git(pipelines.top(root), "archive", "--output", str(archive), base, "--", ENGINE)
    if result.returncode != 0:
        return None
    with tarfile.open(archive) as content:
        content.extractall(place, filter="data")
    parquet.write(rows, table)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(rows), str(scores)],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(place / "src")},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if run.returncode == UNKNOWN:
        return None
    if run.returncode != 0:
        raise PipelineError(f"its own engine can't score it ({last_line(run.stderr)})")
    return np.asarray(np.load(scores))
