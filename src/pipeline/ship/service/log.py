"""The log of predictions: BentoML's monitoring, written by a thread of its own: no request waits or fails for it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import msgspec
from bentoml.monitoring import MonitorBase

from pipeline.predictions import line
from pipeline.ship.service.log_files import LogFiles

NAME, CLASS = "predictions", "pipeline.ship.service.log.PredictionLog"
WAITING = 100_000  # rows that may wait to be written; beyond, they are lost and counted
logger = logging.getLogger("bentoml.pipeline")


class Record(NamedTuple):
    """An accepted request, as it is handed to the log."""

    moment: float  # seconds since 1970, UTC
    release: str
    milliseconds: float
    body: bytes  # empty where its text is not what was accepted: a key that occurs twice, for one
    rows: Sequence[Any]
    predictions: bytes  # a line of JSON for each row, as the answer has them


Features = Callable[[Record], Sequence[bytes | msgspec.Raw]]


class Sent(msgspec.Struct):
    """A body whose rows stay the text that was sent."""

    rows: list[msgspec.Raw]


SENT = msgspec.json.Decoder(Sent)


def features(names: Sequence[str], omit: Sequence[str]) -> Features:
    """What is logged of a record's rows, as JSON: as it was sent where that is one line, else the values by name."""
    kept = [(name, at) for at, name in enumerate(names) if name not in omit]

    def logged(record: Record) -> Sequence[bytes | msgspec.Raw]:
        if record.body and not omit and b"\n" not in record.body and b"\r" not in record.body:
            return SENT.decode(record.body).rows
        rows = [msgspec.structs.astuple(row) for row in record.rows]
        return [msgspec.json.encode({name: values[at] for name, at in kept}) for values in rows]

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
        """Write records; one that has no lines is lost by itself, and no other with it."""
        lines, made = list[bytes | msgspec.Raw](), 0
        for record in records:
            try:
                lines += [*self._lines(record)]
                made += len(record.rows)
            except Exception as error:  # whatever it is: the log must not end
                self._lose(len(record.rows), repr(error))
        try:
            if made:
                self._files.append(b"".join(lines))
                if self._failing and made == sum(len(record.rows) for record in records):
                    self._failing = False
                    logger.warning("prediction log: is written again")
        except Exception as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
            self._lose(made, reason)
        self._taken += sum(len(record.rows) for record in records)

    def _lines(self, record: Record) -> Iterator[bytes | msgspec.Raw]:
        """The parts of a record's lines (predictions/line.py): prediction, what the rows share, features."""
        middle = line.shared_fields(record.moment, record.release, record.milliseconds)
        told = [prediction[:-1] for prediction in record.predictions.splitlines()]
        return chain.from_iterable(zip(told, repeat(middle), self._features(record), repeat(b"}\n")))

    def _lose(self, rows: int, reason: str) -> None:
        self._lost(rows)
        if not self._failing:
            self._failing = True
            where = self._files.folder
            logger.warning("prediction log: %s: %s; rows are lost and counted until it can be written", where, reason)
