"""The log of predictions: BentoML's monitoring, written by a thread of its own: no request waits or fails for it."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

import msgspec
from bentoml.monitoring import MonitorBase

from pipeline.service.answers import Prediction
from pipeline.service.log_files import LogFiles

NAME, CLASS = "predictions", "pipeline.service.log.PredictionLog"
WAITING = 100_000  # rows that may wait to be written; beyond, they are lost and counted
logger = logging.getLogger("bentoml.pipeline")


@dataclass(frozen=True, slots=True)
class Record:
    """An accepted request, as it is handed to the log."""

    moment: float  # seconds since 1970, UTC
    release: str
    milliseconds: float
    body: bytes
    rows: Sequence[Any]
    predictions: Sequence[Prediction]


Features = Callable[[Record], Sequence[Any]]


class Line(msgspec.Struct, omit_defaults=True):
    """A row of the log. The id is the request's with the row's place in it; the time is UTC, ISO 8601 with its zone."""

    id: str
    time: str
    release: str
    ms: float
    score: float
    features: Any
    label: str | None = None
    probabilities: dict[str, float] | None = None
    flags: dict[str, list[str]] | None = None


class Sent(msgspec.Struct):
    """A body whose rows stay the text that was sent."""

    rows: list[msgspec.Raw]


SENT = msgspec.json.Decoder(Sent)


def features(names: Sequence[str], omit: Sequence[str]) -> Features:
    """What is logged of a record's rows: the text as it was sent where that is one line, else the fields by name."""
    kept = [(name, at) for at, name in enumerate(names) if name not in omit]

    def logged(record: Record) -> Sequence[Any]:
        if not omit and b"\n" not in record.body and b"\r" not in record.body:
            return SENT.decode(record.body).rows
        rows = [msgspec.structs.astuple(row) for row in record.rows]
        return [{name: values[at] for name, at in kept} for values in rows]

    return logged


class PredictionLog(MonitorBase[Any]):
    """`with bentoml.monitor(...) as log: log.log_table([record], {})` queues a record; a thread writes the lines.

    What can't be written (full disk, unwritable folder, too many waiting) is counted by `lost` and warned of once.
    """

    def __init__(self, name: str, files: LogFiles, features: Features, lost: Callable[[int], None], **_: Any) -> None:
        super().__init__(name)
        self._files, self._features, self._lost = files, features, lost
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._put = self._taken = 0  # rows; each is written by one thread alone
        self._failing = False
        self._thread = threading.Thread(target=self._write, name="prediction-log", daemon=True)
        self._thread.start()

    def start_record(self) -> None:
        """Nothing to prepare: a record comes whole."""

    def stop_record(self) -> None:
        """Nothing to hand on: `log_table` did."""

    def log_table(self, data: Any, schema: dict[str, str]) -> None:
        for record in data:
            rows = len(record.rows)
            if self._put - self._taken + rows > WAITING:
                self._lose(rows, "more rows wait than can be written")
                continue
            self._put += rows
            self._queue.put(record)

    def close(self, seconds: float = 5) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join(seconds)

    def _write(self) -> None:
        ended = False
        while not ended:
            records = [self._queue.get()]
            time.sleep(0.02)  # what comes within this time is written at once
            try:
                while len(records) < 1000:
                    records.append(self._queue.get_nowait())
            except Empty:
                pass
            ended = None in records
            self._append([record for record in records if record is not None])
        self._files.close()

    def _append(self, records: list[Record]) -> None:
        rows = sum(len(record.rows) for record in records)
        try:
            if records:
                self._files.append(msgspec.json.Encoder().encode_lines(self._lines(records)))
                if self._failing:
                    self._failing = False
                    logger.warning("prediction log: is written again")
        except Exception as error:  # whatever it is: the log must not end
            reason = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
            self._lose(rows, reason)
        self._taken += rows

    def _lines(self, records: list[Record]) -> list[Line]:
        lines = []
        for record in records:
            moment = datetime.fromtimestamp(record.moment, UTC).isoformat(timespec="microseconds")
            lines += [
                Line(
                    told.id,
                    moment,
                    record.release,
                    record.milliseconds,
                    told.score,
                    row,
                    told.label,
                    told.probabilities,
                    told.flags,
                )
                for row, told in zip(self._features(record), record.predictions, strict=True)
            ]
        return lines

    def _lose(self, rows: int, reason: str) -> None:
        self._lost(rows)
        if not self._failing:
            self._failing = True
            where = self._files.folder
            logger.warning("prediction log: %s: %s; rows are lost and counted until it can be written", where, reason)
