"""Whether a pull request touches a pipeline, by the changed files and by what main has: it is judged where it does."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.core import template
from pipeline.core.pipelines import Pipeline
from pipeline.github.pull_request.changes import Changes
from pipeline.github.pull_request.inputs import Inputs
from pipeline.review.gate import protected

LOCK = Path("dvc.lock")
UNTOUCHED = "not touched: no file of this pipeline or of the engine has changed"


def is_touched(pipeline: Pipeline, others: Iterable[Pipeline], changes: Changes) -> bool:
    """Whether a file in the folder of this pipeline (the working directory) has changed, or one that it depends on.

    What is in no pipeline's folder belongs to the one at the top.
    """
    if not changes.complete:
        return True
    inner = tuple(other.folder for other in others if len(other.folder) > len(pipeline.folder))
    own = [path for path in changes.paths if path.startswith(pipeline.folder) and not path.startswith(inner)]
    if own or protected.changed_paths(changes.paths, template.read(), pipeline.folder):
        return True
    inputs = Inputs.of_lock(LOCK, pipeline)
    return inputs is not None and inputs.first_changed(changes.paths) is not None
