"""Whether the feature code that a run reports is the pull request's: GitHub's hashes of its files say so."""

from pathlib import PurePosixPath

from pipeline.core.git import blob_hash
from pipeline.features import package
from pipeline.github.pull_request.changes import Changes
from pipeline.markup.parts import UNREADABLE
from pipeline.review.measure.feature_report import FILE, FeatureReport
from pipeline.review.measure.measurement import Bundle

FOLDER = package.FOLDER.as_posix()


def of_main() -> dict[str, str]:
    """The text of each Python file of main's feature code, of which this is a checkout."""
    code = package.of_project()
    return {name: code.files[name].decode("utf-8", "replace") for name in code.modules}


def problem(bundle: Bundle, changes: Changes) -> str | None:
    """Why the reported code can't be shown as the pull request's; None where it can, or there is no report."""
    try:
        text = bundle.text(FILE)
        reported = FeatureReport.model_validate_json(text).files if text else None
    except UNREADABLE:
        return "the run’s report on it can’t be read"
    if not reported:
        return None
    if not changes.complete:
        return "GitHub does not list all files of a change this large"
    for name, content in reported.items():
        if changes.blob(f"{FOLDER}/{name}") != blob_hash(content.encode()):
            return "the run reports other code than the commit has"
    paths = [PurePosixPath(path) for path, blob in changes.blobs.items() if blob]
    unreported = [path for path in paths if str(path.parent) == FOLDER and path.suffix == ".py"]
    if any(path.name not in reported for path in unreported):
        return "the run does not report all code that the commit has"
    return None
