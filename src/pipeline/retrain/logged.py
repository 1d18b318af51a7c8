"""Rows of the prediction log, read file by file: those that somebody wants, whatever the size of the log."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline.data import sources, store
from pipeline.errors import PipelineError

KNOB = "log"
ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")


class Line(msgspec.Struct):
    """What is needed of a logged row; its features stay text until somebody wants them."""

    id: str
    time: datetime
    features: msgspec.Raw


@dataclass(frozen=True)
class Row:
    """A row that the service answered: the features as they were sent."""

    id: str
    time: datetime
    features: dict[str, Any]


@dataclass
class Found:
    """The wanted rows by id, how many rows were read, and how many lines could not be."""

    rows: dict[str, Row]
    read: int = 0
    damaged: int = 0


LINE = msgspec.json.Decoder(Line)
FEATURES = msgspec.json.Decoder(dict[str, Any])


def read(log: str, wanted: Container[str], since: datetime | None, heard: Callable[[str], None]) -> Found:
    """The rows whose id is `wanted`, from `since` on, of the log in a folder or at a URL; of an id the first counts.

    `heard` is told after each file. PipelineError where the log is not there or can't be reached.
    """
    found = Found({})
    paths = _paths(log)
    for place, path in enumerate(paths, start=1):
        for line in _lines(path, found):
            found.read += 1
            if line.id in wanted and (since is None or line.time >= since) and line.id not in found.rows:
                found.rows[line.id] = Row(line.id, line.time.astimezone(UTC), FEATURES.decode(line.features))
        heard(f"file {place:,} of {len(paths):,}: {found.read:,} rows read, {len(found.rows):,} have a label")
    return found


def _paths(log: str) -> list[str]:
    try:
        paths = [path for path in store.matching(f"{log.rstrip('/')}/**", KNOB) if path.endswith(ENDINGS)]
    except PipelineError:
        raise
    except Exception as error:  # fsspec's plug-ins raise what they like
        raise PipelineError(f"{KNOB}: {log}: can't be reached: {sources.reason(error)}") from None
    if not paths:
        raise PipelineError(f"{KNOB}: {log}: holds no prediction log; name the folder that the service writes to")
    return paths


def _lines(path: str, found: Found) -> Iterator[Line]:
    """The rows of a file; what is no row is counted, and a file that breaks off gives what comes before."""
    try:
        for text in _texts(path):
            try:
                line = LINE.decode(text)
                if line.time.tzinfo is None:
                    raise ValueError("a time without its zone")
                yield line
            except (msgspec.DecodeError, ValueError):
                found.damaged += 1
    except (OSError, EOFError) as error:
        raise PipelineError(f"{KNOB}: {path}: can't be read: {sources.reason(error)}") from None


def _texts(path: str) -> Iterator[bytes]:
    raise NotImplementedError
