"""The labels that come later: a CSV file of row id and label, which every run extends."""

import csv
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.errors import PipelineError

HEADER = ("id", "label")  # no key: retraining uses the row id as one, so a row that is sent twice counts as two


def check(path: Path) -> None:
    """PipelineError where `path` is neither absent nor a file with the labels of earlier runs."""
    try:
        with path.open(encoding="utf-8") as stream:
            first = stream.readline(1000)
    except FileNotFoundError:
        return
    except UnicodeDecodeError:
        first = "no text"
    except OSError as error:
        raise _unusable(path, f"can't be read ({error.strerror})") from None
    if first not in ("", ",".join(HEADER) + "\n"):
        raise _unusable(path, f"does not begin with {','.join(HEADER)}")


def append(path: Path, labelled: Iterable[tuple[str, str]]) -> None:
    """Append row ids with their labels, below one header."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            if not stream.tell():
                writer.writerow(HEADER)
            writer.writerows(labelled)
    except OSError as error:
        raise _unusable(path, f"can't be written ({error.strerror})") from None


def _unusable(path: Path, reason: str) -> PipelineError:
    return PipelineError(f"{path}: {reason}; name another file for the labels with --labels")
