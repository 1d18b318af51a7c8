"""A small log for the tests: a signature, lines as the service writes them, and the reading of a folder."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.core import params
from pipeline.models.signature import Feature, Signature
from pipeline.predictions import labels as later
from pipeline.predictions.windows import Reading
from pipeline.watch.monitor import windowing
from tests.pipeline.conftest import FROZEN

START = datetime(2024, 5, 6, tzinfo=UTC)
DAY = timedelta(days=1)
NAME = "predictions.w1.20240506T000000.000000Z.jsonl"


def feature(name: str, kind: Any, source: str = "", categories: tuple[str, ...] = ()) -> Feature:
    return Feature(name=name, source=source or name, kind=kind, categories=categories, nullable=True)


# A feature may be called what the log calls a field of its own.
KNOWN = Signature(
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
REGRESSION = KNOWN.model_copy(update={"task": "regression", "classes": (), "threshold": None, "positive": None})
FEATURES = {"income": 2.5, "score": 7, "town": "Oslo", "member": True, "since": "2024-01-31"}


def row(number: int = 0, time: datetime = START, **fields: Any) -> dict[str, Any]:
    told = {"id": f"r-{number}", "time": time.isoformat(timespec="microseconds"), "release": "a", "ms": 0.5}
    return told | {"score": 0.25, "features": FEATURES, "label": "0"} | fields


def rows(count: int, start: datetime = START, span: timedelta = DAY, first: int = 0, **fields: Any) -> list[Any]:
    """Rows spread evenly over a span of time."""
    return [row(first + at, start + span * (at / count), **fields) for at in range(count)]


def text(lines: Sequence[Any]) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)


def write(folder: Path, lines: Sequence[Any], name: str = NAME) -> Path:
    """Write rows, or bytes as they are, as lines of a file; by its name compressed."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text(lines)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def read(
    folder: Path | str,
    *,
    labels: str | None = None,
    signature: Signature = KNOWN,
    window: str = "1 day",
    since: datetime | None = None,
    until: datetime | None = START + 3 * DAY,
    **chosen: Any,
) -> Reading:
    settings = params.section(params.Monitor, FROZEN / "params.yaml").model_copy(update={"max_rows": 100} | chosen)
    found = windowing.read(str(folder), signature, settings, since=since, until=until, window=window)
    return later.join(found, labels, signature) if labels else found
