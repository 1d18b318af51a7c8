"""Takes rows out of the log's JSON lines, beside a service that appends to them.

Standard library only: this text also runs in a container of a host, which has the log in a volume.
A line is overwritten by blanks: the file keeps its length, so the service goes on appending, a copy by size or offset
stays in step, and every other byte is as it was. All readers skip a blank line.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import time
import zlib
from collections.abc import Callable, Collection, Iterable
from typing import IO

ID = re.compile(rb'\s*\{\s*"id"\s*:\s*"([^"\\]+)"')  # how the service begins a line
PAUSE = 0.5  # seconds for a line that is being written


def matcher(ids: Collection[str], derived: int | None = None) -> Callable[[bytes], bool]:
    """Whether a line is a row with one of these ids, or with an id that the key `derived` was made of.

    A damaged line counts where one of the ids stands in it.
    """
    wanted = frozenset(ids)
    texts = [text for row in wanted for text in {row.encode(), json.dumps(row)[1:-1].encode()}]

    def matches(line: bytes) -> bool:
        row = _row_id(line)
        if row is None:
            return any(text in line for text in texts)
        return row in wanted or (derived is not None and derive(row) == derived)

    return matches


def derive(row: str) -> int:
    """The whole number that retraining makes a key of, for a row whose label came without one."""
    return int.from_bytes(hashlib.sha256(row.encode()).digest()[:8], "big") >> 1


def erase(path: str, matches: Callable[[bytes], bool], *, apply: bool) -> int:
    """How many rows of a file of JSON lines (.gz: compressed) match; with `apply` they are no longer there.

    OSError where the file can't be read or written, and for a damaged compressed file, which is left as it is.
    """
    if path.endswith(".gz"):
        return _erase_compressed(path, matches, apply)
    rows, status = 0, os.stat(path)
    with open(path, "r+b" if apply else "rb") as stream:
        place = 0
        for line in stream:
            whole = line
            if not line.endswith(b"\n"):  # cut, or not yet whole
                time.sleep(PAUSE)
                whole = line + stream.readline()
            if whole.strip() and matches(whole):
                rows += 1
                if apply:
                    _blank(stream.fileno(), place, whole.rstrip(b"\r\n"))
            place += len(whole)
        if rows and apply:
            os.fsync(stream.fileno())
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # its age decides how long it is kept
    return rows


def _row_id(line: bytes) -> "str | None":
    """The id of a line; None where it can't be read."""
    if match := ID.match(line):
        return match[1].decode(errors="replace")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    row = value.get("id") if isinstance(value, dict) else None
    return row if isinstance(row, str) else None


def _blank(descriptor: int, place: int, line: bytes) -> None:
    """Overwrite a line, its id last: a run that was interrupted finds the line again."""
    match = ID.match(line)
    head = match.end() if match else 0
    os.pwrite(descriptor, b" " * (len(line) - head), place + head)
    os.pwrite(descriptor, b" " * head, place)


def _erase_compressed(path: str, matches: Callable[[bytes], bool], apply: bool) -> int:
    folder, name = os.path.split(path)
    part = os.path.join(folder, f".{name}.part")
    try:
        with gzip.open(path) as source:
            if not apply:
                return sum(1 for line in source if matches(line))
            with open(part, "wb") as target:
                rows = _copy(source, target, matches)
        if rows:
            shutil.copystat(path, part)
            os.replace(part, path)
        return rows
    except (EOFError, zlib.error):
        raise OSError("the compressed file is damaged") from None
    finally:
        if os.path.exists(part):
            os.unlink(part)


def _copy(source: Iterable[bytes], target: IO[bytes], matches: Callable[[bytes], bool]) -> int:
    """Copy the lines that do not match, compressed again; how many do."""
    rows = 0
    with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as compressed:
        for line in source:
            if matches(line):
                rows += 1
            else:
                compressed.write(line)
    target.flush()
    os.fsync(target.fileno())
    return rows
