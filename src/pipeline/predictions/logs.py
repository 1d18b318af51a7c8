"""The log's files, as rows: which are read for a period, in which order, and how each kind is."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.models.signature import Signature
from pipeline.predictions import json_lines, parquet_rows, periods, stores
from pipeline.predictions.damage import Damage, InputUnreadableError
from pipeline.predictions.rows import Rows
from pipeline.predictions.stores import File

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")
# `predictions.w1.20261121T085012.123456Z.jsonl` (service/log_files.py): the worker, and when the file was begun.
NAMED = re.compile(r"(?P<worker>.*)\.(?P<start>\d{8}T\d{6}\.\d{6}Z)\.[a-z.]+")
MARGIN = 3600  # seconds by which clocks, and a row and its file, may differ
Progress = Callable[[int, int, int], None]  # files begun, bytes read, rows read


@dataclass(frozen=True)
class Log:
    """The files of a log that a period needs, oldest first; the last of each worker is still being written."""

    url: str
    files: Sequence[File]
    growing: frozenset[str]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def rows(self, signature: Signature, damage: Damage, progress: Progress) -> Iterator[Rows]:
        """All rows, file by file; a file that is gone by now was rotated away.

        InputUnreadableError where the store fails or a line is of a newer format.
        """
        decoder = json_lines.decoder(signature)
        counts = [0, 0, 0]

        def seen(size: int) -> None:
            counts[1] += size

        for file in self.files:
            counts[0] += 1
            for rows in self._file(file, signature, decoder, damage, seen):
                counts[2] += len(rows.ids)
                progress(*counts)
                yield rows

    def _file(
        self, file: File, signature: Signature, decoder: Any, damage: Damage, seen: Callable[[int], None]
    ) -> Iterator[Rows]:
        try:
            with file.opened("log") as stream:
                if file.name.endswith(".parquet"):
                    yield from parquet_rows.read(stream, file.name, signature, damage)
                    seen(file.size)
                else:
                    growing = file.path in self.growing
                    yield from json_lines.read(stream, file.name, growing, decoder, damage, seen)
        except FileNotFoundError:
            return
        except OSError as error:
            damage.add("files", file.name, f"can't be read: {error.strerror or error}")


def find(url: str, since: datetime | None, until: datetime) -> Log:
    """The log at a folder or URL, without the files that can't hold a row of the period; InputUnreadableError.

    A file holds none when it was last changed before the period, or by its name begun after it.
    """
    there = [file for file in stores.listed(url, "log") if file.name.endswith(ENDINGS)]
    if not there:
        raise InputUnreadableError(
            "log", f"{url}: holds no file of a log ({', '.join('*' + ending for ending in ENDINGS)})"
        )
    begun = {file.path: _named(file) for file in there}
    newest: dict[str, tuple[datetime, str]] = {}
    for file in there:
        worker, start = begun[file.path]
        if file.name.endswith(".jsonl") and (worker not in newest or newest[worker][0] < start):
            newest[worker] = (start, file.path)
    low, high = since.timestamp() - MARGIN if since else None, until.timestamp() + MARGIN
    kept = [
        file
        for file in there
        if not (low is not None and file.modified is not None and file.modified < low)
        and begun[file.path][1].timestamp() < high
    ]
    return Log(
        url,
        sorted(kept, key=lambda file: (begun[file.path][1], file.path)),
        frozenset(path for _, path in newest.values()),
    )


def _named(file: File) -> tuple[str, datetime]:
    """Which worker wrote the file, and when it was begun; a file by another name has a worker of its own."""
    named = NAMED.fullmatch(file.path)
    with contextlib.suppress(ValueError):  # digits that are no time
        if named is not None:
            return named["worker"], datetime.strptime(named["start"], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    return file.path, periods.EPOCH
