"""The prediction log, by BentoML's monitoring: a thread of its own writes it, so no request waits or fails for it."""

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
IDLE = 3600.0  # seconds without a row after which the log looks for files that are too old
MAX_WAITING = 100_000  # rows that may wait to be written; more are lost and counted
logger = logging.getLogger("bentoml.pipeline")


class Record(NamedTuple):
    """An accepted request, as the log gets it."""

    moment: float  # seconds since 1970, UTC
    release: str
    milliseconds: float
    body: bytes  # with the rows that were read; empty where only their values are known
    rows: Sequence[Any]
    predictions: bytes  # a line of JSON for each row, as the answer has them
    client: str | None = None  # who asked
    trace: str | None = None


Features = Callable[[Record], Sequence[bytes | msgspec.Raw]]


class RawBody(msgspec.Struct):
    """A body whose rows stay as the JSON text that was sent."""

    rows: list[msgspec.Raw]


RAW_BODY = msgspec.json.Decoder(RawBody)


def feature_encoder(names: Sequence[str], omit: Sequence[str]) -> Features:
    """A function that gives a record's features as JSON: as they were sent if in one line, else the values by name.

    `omit`: names that are left out, be they features or retired fields.
    The values come from the text that was sent: the model's rows are floats, which hold no long whole number.
    """
    logged = [(name, index) for index, name in enumerate(names) if name not in omit]

    def encode(record: Record) -> Sequence[bytes | msgspec.Raw]:
        if record.body and not omit and b"\n" not in record.body and b"\r" not in record.body:
            return RAW_BODY.decode(record.body).rows
        if record.body:
            sent = msgspec.json.decode(record.body)["rows"]
            return [msgspec.json.encode({name: row[name] for name, _ in logged if name in row}) for row in sent]
        rows = [msgspec.structs.astuple(row) for row in record.rows]
        present = (
            {name: values[index] for name, index in logged if values[index] is not msgspec.UNSET} for values in rows
        )
        return [msgspec.json.encode(features) for features in present]

    return encode


class PredictionLog(MonitorBase[Any]):
    """`with bentoml.monitor(...) as log: log.log_table([record], {})` queues a record; a thread writes the lines.

    Rows that can't be written (full disk, unwritable folder, too many waiting) are counted by `lost`, with one warning.
    """

    def __init__(self, name: str, files: LogFiles, features: Features, lost: Callable[[int], None], **_: Any) -> None:
        super().__init__(name)
        self._files, self._features, self._lost = files, features, lost
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._queued = self._finished = 0  # rows; each counter is changed by one thread only
        self._failing = False
        self._thread = threading.Thread(target=self._write, name="prediction-log", daemon=True)
        self._thread.start()

    def start_record(self) -> None:
        """Nothing to prepare: `log_table` gets complete records."""

    def stop_record(self) -> None:
        """Nothing to do: `log_table` has queued the record."""

    def log_table(self, data: Any, schema: dict[str, str]) -> None:
        for record in data:
            rows = len(record.rows)
            if self._queued - self._finished + rows > MAX_WAITING:
                self._lose(rows, "too many rows wait to be written")
                continue
            self._queued += rows
            self._queue.put(record)

    def close(self, seconds: float = 5) -> None:
        """Write the records that wait, and stop."""
        self._queue.put(None)
        self._thread.join(seconds)

    def _write(self) -> None:
        closing = False
        while not closing:
            try:
                records = [self._queue.get(timeout=IDLE)]
            except Empty:
                self._files.expire()
                continue
            time.sleep(0.02)  # records that arrive within this time are written together
            try:
                while len(records) < 1000:
                    records.append(self._queue.get_nowait())
            except Empty:
                pass
            closing = None in records
            self._append([record for record in records if record is not None])
        self._files.close()

    def _append(self, records: list[Record]) -> None:
        """Write records; one that can't be turned into lines is lost, the others are written."""
        lines, rows = list[bytes | msgspec.Raw](), 0
        for record in records:
            try:
                lines += [*self._lines(record)]
                rows += len(record.rows)
            except Exception as error:  # any error: the thread must not end
                self._lose(len(record.rows), repr(error))
        try:
            if rows:
                self._files.append(b"".join(lines))
                if self._failing and rows == sum(len(record.rows) for record in records):
                    self._failing = False
                    logger.warning("prediction log: rows are written again")
        except Exception as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
            self._lose(rows, reason)
        self._finished += sum(len(record.rows) for record in records)

    def _lines(self, record: Record) -> Iterator[bytes | msgspec.Raw]:
        """The parts of a record's lines (predictions/line.py): prediction, common fields, features."""
        middle = line.shared_fields(
            record.moment, record.release, record.milliseconds, client=record.client, trace=record.trace
        )
        predictions = [prediction[:-1] for prediction in record.predictions.splitlines()]
        return chain.from_iterable(zip(predictions, repeat(middle), self._features(record), repeat(b"}\n")))

    def _lose(self, rows: int, reason: str) -> None:
        self._lost(rows)
        if not self._failing:
            self._failing = True
            folder = self._files.folder
            logger.warning("prediction log: %s: %s; rows are lost and counted until it can be written", folder, reason)
