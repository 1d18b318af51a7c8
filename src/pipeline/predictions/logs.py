"""The log's files, as rows: which files a period needs, in which order, and the reader for each format."""

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
# `predictions.w1.20261121T085012.123456Z.jsonl` (service/log_files.py): the worker, and when the file was started.
FILE_NAME = re.compile(r"(?P<worker>.*)\.(?P<start>\d{8}T\d{6}\.\d{6}Z)\.[a-z.]+")
MARGIN = 3600  # seconds by which clocks, and a row and its file, may differ
Progress = Callable[[int, int, int], None]  # files started, bytes read, rows read


@dataclass(frozen=True)
class Log:
    """The files of a log that a period needs, oldest first; those that are `growing` are still being written."""

    url: str
    files: Sequence[File]
    growing: frozenset[str]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def rows(self, signature: Signature, damage: Damage, progress: Progress, *, exact: bool = False) -> Iterator[Rows]:
        """All rows, file by file; a file that has disappeared was rotated away, and is skipped.

        `exact`: whole numbers stay whole, which a float may not hold.
        InputUnreadableError where the store fails or a line has a newer format.
        """
        decoder = json_lines.decoder(signature, exact=exact)
        counts = [0, 0, 0]

        def count_bytes(size: int) -> None:
            counts[1] += size

        for file in self.files:
            counts[0] += 1
            for rows in self._file(file, signature, decoder, damage, count_bytes, exact):
                counts[2] += len(rows.ids)
                progress(*counts)
                yield rows

    def _file(
        self,
        file: File,
        signature: Signature,
        decoder: Any,
        damage: Damage,
        on_read: Callable[[int], None],
        exact: bool,
    ) -> Iterator[Rows]:
        try:
            with file.opened("log") as stream:
                if file.name.endswith(".parquet"):
                    yield from parquet_rows.read(stream, file.name, signature, damage, exact=exact)
                    on_read(file.size)
                else:
                    growing = file.path in self.growing
                    yield from json_lines.read(stream, file.name, growing, decoder, signature.columns, damage, on_read)
        except FileNotFoundError:
            return
        except OSError as error:
            damage.add("files", file.name, f"can't be read: {error.strerror or error}")


def find(url: str, since: datetime | None, until: datetime) -> Log:
    """The log at a folder or URL, without the files that can't hold a row of the period; InputUnreadableError.

    A file can't hold one if it was last changed before the period, or was started after it by its name.
    """
    files = [file for file in stores.list_files(url, "log") if file.name.endswith(ENDINGS)]
    if not files:
        raise InputUnreadableError(
            "log",
            f"{url}: holds no file of a log ({', '.join('*' + ending for ending in ENDINGS)}); "
            f"{stores.NAMED_BY['log']}",
        )
    origins = {file.path: _worker_and_start(file) for file in files}
    newest: dict[str, tuple[datetime, str]] = {}
    for file in files:
        worker, start = origins[file.path]
        if file.name.endswith(".jsonl") and (worker not in newest or newest[worker][0] < start):
            newest[worker] = (start, file.path)
    low, high = since.timestamp() - MARGIN if since else None, until.timestamp() + MARGIN
    needed = [
        file
        for file in files
        if not (low is not None and file.modified is not None and file.modified < low)
        and origins[file.path][1].timestamp() < high
    ]
    return Log(
        url,
        sorted(needed, key=lambda file: (origins[file.path][1], file.path)),
        frozenset(path for _, path in newest.values()),
    )


def _worker_and_start(file: File) -> tuple[str, datetime]:
    """The worker that wrote the file, and when it started; a file with another name counts as a worker of its own."""
    match = FILE_NAME.fullmatch(file.path)
    with contextlib.suppress(ValueError):  # digits that are not a time
        if match is not None:
            return match["worker"], datetime.strptime(match["start"], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    return file.path, periods.EPOCH
