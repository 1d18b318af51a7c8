"""A small reference, windows drawn from the same distribution, and results."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import params
from pipeline.drift.compare import Kind
from pipeline.evaluation.scoring import Scored
from pipeline.models.signature import Feature, Signature
from pipeline.predictions.windows import Window
from pipeline.watch.monitor.reference_data import Reference
from pipeline.watch.monitor.result import Labels, Result, Signal
from pipeline.watch.monitor.result import Scored as ScoredWindow
from tests.pipeline.conftest import FROZEN

START = datetime(2024, 5, 6, tzinfo=UTC)
DAY = timedelta(days=1)
KINDS: dict[str, Kind] = {"income": "number", "town": "category", "member": "boolean", "since": "date"}
TOWNS = ("Bergen", "Oslo", "Tromsø")


def table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Rows of one distribution: every kind of column, one of them with missing values."""
    rng = np.random.default_rng(seed)
    income = np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(10, 1, rows))
    return pd.DataFrame(
        {
            "income": income,
            "town": pd.Series(rng.choice(TOWNS, rows), dtype="str"),
            "member": rng.random(rows) < 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, rows), unit="D"),
        }
    )


def signature() -> Signature:
    features = (
        Feature(name="income", source="income", kind="number", nullable=True),
        Feature(name="town", source="town", kind="category", categories=TOWNS, nullable=False),
        Feature(name="member", source="member", kind="boolean", nullable=False),
        *(Feature(name=f"since__{part}", source="since", kind="date", nullable=False) for part in ("days", "month")),
    )
    return Signature(
        task="binary",
        target="outcome",
        key="id",
        positive=1,
        classes=("0", "1"),
        threshold=0.5,
        quantile=0.5,
        features=features,
        split=params.Split(test=0.2, validation=0.2, seed=0, time=None),
        device="cpu",
    )


def outcomes(rows: int, seed: int = 0, sharp: float = 2.0) -> tuple[Any, Any]:
    """Targets and probabilities that rank them, the better the larger `sharp` is."""
    rng = np.random.default_rng(seed)
    target = (rng.random(rows) < 0.4).astype(float)
    return target, 1 / (1 + np.exp(-(sharp * (target - 0.5) + rng.normal(0, 1, rows))))


def reference(rows: int = 3000) -> Reference:
    target, score = outcomes(rows // 2, seed=7)
    tested = Scored("binary", target, score, np.arange(len(target)).astype(str), ("0", "1"), 0.5)
    return Reference(signature(), KINDS, table(rows), tested, 0)


def settings(**monitor: Any) -> params.Params:
    frozen = params.read(FROZEN / "params.yaml")
    small = {"min_rows": 100, "min_labels": 100, "max_rows": 500, "false_alarms": 0.05} | monitor
    return frozen.model_copy(update={"monitor": frozen.monitor.model_copy(update=small)})


def window(day: int = 0, rows: int = 400, seed: int | None = None, sharp: float = 2.0, **fields: Any) -> Window:
    """A complete window of one day without drift; `fields` replace its own."""
    seed = 100 + day if seed is None else seed
    target, score = outcomes(rows, seed, sharp)
    answers = pd.DataFrame(
        {"id": [f"r-{number}" for number in range(rows)], "release": "a", "score": score, "label": "0"}
    )
    start = START + day * DAY
    sample = table(rows, seed)
    defaults: dict[str, Any] = {
        "start": start,
        "end": start + DAY,
        "rows": rows,
        "complete": True,
        "sample": sample,
        "answers": answers,
        "releases": {"a": rows},
        "missing": {"income": int(sample["income"].isna().sum())},
        "unseen": {},
        "latency": 5.0,
        "truth": pd.Series(target.astype(int).astype(str)),
    }
    return Window(**defaults | fields)


def signal(name: str = "data_drift", state: Any = "ok", **fields: Any) -> Signal:
    defaults: dict[str, Any] = {"value": 0.5, "bound": 1.0, "since": None, "beyond": 0, "judged": 5, "sentence": "fine"}
    return Signal(name=name, state=state, **defaults | fields)


def result(state: Any = "ok", windows: int = 6, **fields: Any) -> Result:
    """A result whose last three windows are beyond the bound of data drift where it alarms."""
    late = [state == "alarm" and day >= windows - 3 for day in range(windows)]
    scored = tuple(
        ScoredWindow(
            start=START + day * DAY,
            end=START + (day + 1) * DAY,
            rows=400,
            judged=True,
            values={"data_drift": 2.5 if beyond else 0.5, "volume": 1.0},
            bounds={"data_drift": 1.0, "volume": 0.5},
        )
        for day, beyond in enumerate(late)
    )
    since = START + (windows - 3) * DAY if state == "alarm" else None
    drift = signal(state="alarm" if state == "alarm" else "ok", since=since, beyond=3 if since else 0)
    defaults: dict[str, Any] = {
        "state": state,
        "until": START + windows * DAY,
        "window": "1 day",
        "rows": 400 * windows,
        "files": 1,
        "release": "a",
        "releases": {"a": 400 * windows},
        "signals": (drift, signal("volume", value=1.0, bound=0.5)),
        "windows": scored,
        "damage": {"lines": 0, "places": []},
        "labels": Labels(rows=0, joined=0, unknown=0),
        "blind": None,
    }
    return Result(**defaults | fields)
