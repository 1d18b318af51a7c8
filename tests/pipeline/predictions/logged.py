"""A small log for the tests: a signature, lines as the service writes them, and a reader for a folder."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.core import params
from pipeline.models.signature import Feature, Signature
from pipeline.predictions import label_join as later
from pipeline.predictions.windows import WindowedLog
from pipeline.watch.monitor import windowing
from tests.pipeline.conftest import FROZEN

START = datetime(2024, 5, 6, tzinfo=UTC)
DAY = timedelta(days=1)
NAME = "predictions.w1.20240506T000000.000000Z.jsonl"


def feature(name: str, kind: Any, source: str = "", categories: tuple[str, ...] = ()) -> Feature:
    return Feature(name=name, source=source or name, kind=kind, categories=categories, nullable=True)


# A feature may have the name of one of the log's own fields.
SIGNATURE = Signature(
    task="binary",
    target="outcome",
    key=None,
    positive=1,
    classes=("0", "1"),
    threshold=0.5,
    quantile=0.5,
    features=(
        feature("income", "number"),
        feature("score", "number"),
        feature("town", "category", categories=("Bergen", "Oslo")),
        feature("member", "boolean"),
        *(feature(f"since__{part}", "date", "since") for part in ("days", "month", "weekday")),
    ),
    split=params.Split(test=0.2, validation=0.2, seed=0, time=None),
    device="cpu",
)
REGRESSION = SIGNATURE.model_copy(update={"task": "regression", "classes": (), "threshold": None, "positive": None})
FEATURES = {"income": 2.5, "score": 7, "town": "Oslo", "member": True, "since": "2024-01-31"}


def row(number: int = 0, time: datetime = START, **fields: Any) -> dict[str, Any]:
    common = {"id": f"r-{number}", "time": time.isoformat(timespec="microseconds"), "release": "a", "ms": 0.5}
    return common | {"score": 0.25, "features": FEATURES, "label": "0"} | fields


def rows(count: int, start: datetime = START, span: timedelta = DAY, first: int = 0, **fields: Any) -> list[Any]:
    """Rows spread evenly over a span of time."""
    return [row(first + number, start + span * (number / count), **fields) for number in range(count)]


def text(lines: Sequence[Any]) -> bytes:
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def write(folder: Path, lines: Sequence[Any], name: str = NAME) -> Path:
    """Write rows, or bytes unchanged, as lines of a file, compressed if its name ends with .gz."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text(lines)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def read(
    folder: Path | str,
    *,
    labels: str | None = None,
    signature: Signature = SIGNATURE,
    window: str = "1 day",
    since: datetime | None = None,
    until: datetime | None = START + 3 * DAY,
    data: params.Data | None = None,
    **monitor: Any,
) -> WindowedLog:
    settings = params.section(params.Monitor, FROZEN / "params.yaml").model_copy(update={"max_rows": 100} | monitor)
    windowed = windowing.read(
        str(folder), signature, settings, since=since, until=until, window=window, labelled=labels is not None
    )
    return later.join(windowed, labels, signature, data) if labels else windowed
