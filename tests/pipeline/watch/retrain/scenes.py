"""A prediction log and labels that came later, as the service and a label source would have written them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
UNLOGGED = ("id", "outcome")  # the key and the target of `conftest.small_table`


def lines(table: pd.DataFrame, request: str = "r", start: datetime = START) -> list[dict[str, Any]]:
    """A line of the log for each row, a second apart; the row ids are `<request>-0` and so on."""
    rows = json.loads(table.drop(columns=[*UNLOGGED], errors="ignore").to_json(orient="records", date_format="iso"))
    return [
        {
            "id": f"{request}-{place}",
            "time": (start + timedelta(seconds=place)).isoformat(timespec="microseconds"),
            "release": "abc",
            "ms": 0.4,
            "score": 0.5,
            "features": row,
            "label": "yes",
        }
        for place, row in enumerate(rows)
    ]


def write_log(folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "predictions.w1.x.jsonl") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in rows), encoding="utf-8")


def write_labels(path: Path, labels: Mapping[str, Any], **columns: Sequence[Any]) -> None:
    pd.DataFrame({"id": list(labels), "label": list(labels.values()), **columns}).to_csv(path, index=False)
