"""A small service that answers as the real one does; the variable BEHAVIOUR names its defect."""

import contextlib
import datetime
import itertools
import json
import os
import signal
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RELEASE, BEHAVIOUR = os.environ["RELEASE"], os.environ.get("BEHAVIOUR", "")
LOG = Path(os.environ["PIPELINE_LOG_FOLDER"])
numbers, lock = itertools.count(1), threading.Lock()
# The columns that a row may have. "reads_z" has feature code of its own, the mean of x and z, which may be missing.
COLUMNS = {"x", "y", "z"} if BEHAVIOUR in ("refuses", "reads_z", "ignores_z") else {"x", "y"}
# A model that shifts scores higher, and by its threshold gives the same labels.
THRESHOLD = 0.75 if BEHAVIOUR == "shifts" else 0.5


def score(row: dict[str, float]) -> float:
    x = row["x"]
    if BEHAVIOUR == "disagrees":
        return round(1 - x, 9)
    if BEHAVIOUR == "shifts":
        return round((1 + x) / 2, 9)
    if BEHAVIOUR == "reads_z":
        return round((x + row.get("z", x)) / 2, 9)
    return x


def prediction(name: str, row: dict[str, float]) -> dict[str, Any]:
    return {"id": name, "score": score(row), "label": "yes" if score(row) >= THRESHOLD else "no"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.answer(200, {"release": RELEASE})

    def do_POST(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["content-length"])))["rows"]
        replay = "x-pipeline-replay" in self.headers
        if not replay:
            if BEHAVIOUR == "crashes" and next(numbers) > 3:
                os._exit(1)
            if BEHAVIOUR == "slow":
                time.sleep(0.4)
            if BEHAVIOUR == "fails":
                return self.answer(500, {"error": "broken"})
        if BEHAVIOUR == "refuses" and any("z" not in row for row in rows):
            return self.answer(422, {"error": "rows[0].z is missing"})
        if any(set(row) - COLUMNS for row in rows):
            return self.answer(422, {"error": "unknown field"})
        name = uuid.uuid4().hex
        predictions = [prediction(f"{name}-{index}", row) for index, row in enumerate(rows)]
        if not replay:
            self.log(rows, predictions)
        seen = {
            key: self.headers[key] for key in ("x-pipeline-client", "x-api-key", "authorization") if key in self.headers
        }
        return self.answer(200, {"release": RELEASE, "request_id": name, "predictions": predictions, "seen": seen})

    def log(self, rows: list[Any], predictions: list[Any]) -> None:
        """Log the rows; a full disk fails no request."""
        with contextlib.suppress(OSError):
            self.append(rows, predictions)

    def append(self, rows: list[Any], predictions: list[Any]) -> None:
        LOG.mkdir(exist_ok=True)
        with lock, (LOG / "predictions.w1.jsonl").open("a") as stream:
            for row, prediction in zip(rows, predictions, strict=True):
                shared = {"time": datetime.datetime.now(datetime.UTC).isoformat(), "release": RELEASE, "ms": 1.0}
                stream.write(json.dumps(prediction | shared | {"features": row}) + "\n")

    def answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


if __name__ == "__main__":
    if BEHAVIOUR == "dies":
        raise SystemExit("no model")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("", 3000), Handler).serve_forever()
