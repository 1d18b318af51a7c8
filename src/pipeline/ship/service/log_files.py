"""JSON lines in files that never change once they are closed, so that they can be copied elsewhere."""

import contextlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

DAY = 86_400.0  # seconds
RETRY_DELAY = 1.0  # seconds after a failure before a file is opened again


class LogFiles:
    """Appends to one file, starts a new one at `size` bytes, and keeps only the newest `keep` files.

    With `keep_days` it also starts a new one each day, and removes files whose last row is older than that.
    `predictions.w1.20261121T085012.123456Z.jsonl`: the worker, and when the file was started.
    """

    def __init__(self, folder: Path, worker: int, size: int, keep: int, keep_days: int | None = None) -> None:
        self.folder, self._worker, self._size, self._keep = folder, worker, size, keep
        self._keep_days, self._opened = keep_days, 0.0
        self._descriptor: int | None = None
        self._path, self._length = folder, 0
        self._retry, self._failure = 0.0, OSError("")

    def append(self, lines: bytes) -> None:
        """Write all the lines or none of them; OSError where that fails."""
        self.expire()
        if self._descriptor is None:
            self._open()
        assert self._descriptor is not None
        try:
            written = 0
            while written < len(lines):
                written += os.write(self._descriptor, lines[written:])
        except OSError as error:
            self._fail(error)
            raise
        self._length += len(lines)
        if self._length >= self._size:
            self.close()

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def expire(self) -> None:
        """Once a day: close the file and remove those that are too old; nothing without `keep_days`."""
        if self._keep_days is not None and time.time() >= self._opened + DAY:
            self.close()
            self._opened = time.time()
            with contextlib.suppress(OSError):  # the next file, or the next day, tries again
                self._prune()

    def _open(self) -> None:
        if time.monotonic() < self._retry:
            raise self._failure
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            started = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
            self._path = self.folder / f"predictions.w{self._worker}.{started}.jsonl"
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)
            self._length = 0
            self._opened = time.time()
            self._prune()
        except OSError as error:
            self._fail(error)
            raise

    def _prune(self) -> None:
        own = sorted(self.folder.glob(f"predictions.w{self._worker}.*.jsonl"))
        oldest = time.time() - self._keep_days * DAY if self._keep_days is not None else 0.0
        for path in [*own[: -self._keep], *(path for path in own[-self._keep :] if path.stat().st_mtime < oldest)]:
            path.unlink(missing_ok=True)

    def _fail(self, error: OSError) -> None:
        """Remove a truncated line, and wait a while before the next attempt."""
        self._retry, self._failure = time.monotonic() + RETRY_DELAY, error
        if self._descriptor is None:
            return
        try:
            os.ftruncate(self._descriptor, self._length)
            if not self._length:  # an empty file for each attempt would displace the written ones
                self._path.unlink()
        finally:
            self.close()
