"""The files of a measurement that are committed to git."""

from collections.abc import Mapping

from pipeline.core import files, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.git import blob_hash
from pipeline.github.client.pulls import NothingToDoError, Pull
from pipeline.markup.parts import UNREADABLE
from pipeline.review.measure.measurement import Bundle
from pipeline.review.untrusted import yaml as untrusted_yaml

SCORES = "reports/scores.parquet"
FILES = {"dvc.lock": "dvc.lock", "metrics.json": "reports/metrics.json", "source.json": "data/source.json"}


def recorded(bundle: Bundle) -> dict[str, bytes]:
    """The content of those that the measurement of this folder's pipeline has, by their path in the repository."""
    folder = pipelines.folder()
    files = {folder + path: bundle.path(name) for name, path in FILES.items()}
    return {path: file.read_bytes() for path, file in files.items() if file is not None}


def check_scores(bundle: Bundle) -> None:
    """PipelineError where the scores are not those that the lock names: a release compares its own with these."""
    scores, lock = bundle.path("scores.parquet"), bundle.path("dvc.lock")
    if scores is None or lock is None:
        return
    try:
        stages = untrusted_yaml.read(lock).get("stages", {}).values()
        outs = {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
    except UNREADABLE:
        return  # recording it fails with the reason
    if SCORES in outs and outs[SCORES] != files.md5(scores):
        raise PipelineError(f"the measurement's scores.parquet is not the {SCORES} that its dvc.lock names")


def check(bundle: Bundle, pull: Pull) -> None:
    """NothingToDoError where this pipeline's files at the head are not those that were measured."""
    own = {pipelines.folder() + path for path in FILES.values()}
    check_blobs(recorded(bundle), {path: blob for path, blob in pull.blobs.items() if path in own}, pull)


def check_blobs(measured: Mapping[str, bytes], blobs: Mapping[str, str], pull: Pull) -> None:
    """NothingToDoError where files at the head are not those that were measured: anybody can imitate the bot's commit.

    `blobs`: git's hashes of the files at the head, by path.
    """
    hashes = {path: blob_hash(content) for path, content in measured.items()}
    if any(hashes.get(path) != blob for path, blob in blobs.items()):
        raise NothingToDoError(f"pull request {pull.number}: its head has other files than were measured; outdated")
