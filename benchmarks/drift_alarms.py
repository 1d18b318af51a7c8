"""How often the monitor errs on the sample: false alarms in weeks without drift, and shifts detected, and how soon.

`make bench` prints the tables. A week is seven days after four others; the monitor runs at the end of each of the
seven, and one alarm of any signal makes the week an alarm. Every week has its own test rows and its own
traffic, drawn from 12,000 rows that the model has not seen; all weeks share the training rows.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from pipeline.core import params
from pipeline.core.params import Params
from pipeline.demo import shifts
from pipeline.drift.compare import Kind
from pipeline.evaluation.scoring import Scored
from pipeline.models import training
from pipeline.models.matrix import codes
from pipeline.models.model import Model
from pipeline.predictions import periods
from pipeline.predictions.windows import Window
from pipeline.watch.monitor.alarm import Rule, standing
from pipeline.watch.monitor.reference_data import Reference
from pipeline.watch.monitor.signals import NAMES, Judge
from pipeline.watch.monitor.window_signal import WindowSignal

ROOT = Path(__file__).parents[1]
TRAINED, STOPPED, TESTED = 15_000, 3_000, 6_000  # rows; the other 6,000 are the traffic
BEFORE, DAYS = 4, 7
WEEKS, SHIFTED = 200, 20
ROWS = (500, 2_000)  # a working day's; at 2,000 a row may occur on several days, but only once a day
WEEKEND = 0.6  # of a working day's rows
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
STRENGTHS = (1.0, 0.5)


@dataclass(frozen=True)
class Study:
    """A model, the rows that it was trained on, rows that it has not seen, and the monitor's parameters."""

    model: Model
    train: pd.DataFrame
    unseen: pd.DataFrame
    settings: Params
    columns: shifts.ShiftedColumns


@dataclass(frozen=True)
class Week:
    """The signals that alarmed, each with the first day of the seven (from 1) at whose end it did."""

    alarms: dict[str, int]
    beyond: Counter[str]  # windows beyond, by signal
    windows: int


def prepare(root: Path = ROOT) -> Study:
    """Train the model on the sample with the parameters of params.yaml."""
    parameters = params.read(root / "params.yaml")
    table = pd.read_parquet(root / "data/credit_default.parquet").sample(frac=1, random_state=0)
    train, stop = table[:TRAINED], table[TRAINED : TRAINED + STOPPED]
    settings = training.Settings(
        parameters.data, parameters.task, parameters.features, parameters.split, parameters.train
    )
    ready = training.prepare(train, stop, settings)
    fitted = training.fit(ready, parameters.train)
    model = Model(fitted.booster, training.with_threshold(ready, fitted, parameters.task))
    strongest = sorted(zip(model.gains(), model.signature.features, strict=True), key=lambda pair: -pair[0])
    importance = [{"feature": feature.name, "shap": float(gain)} for gain, feature in strongest]
    columns = shifts.shifted_columns(model.signature, importance)
    unseen = table[TRAINED + STOPPED :].reset_index(drop=True)
    return Study(model, train.reset_index(drop=True), unseen, parameters, columns)


def weeks(study: Study, count: int, rows: int, shift: str = "none", strength: float = 1.0) -> list[Week]:
    """`count` weeks whose seven days are shifted; the four days before them are not."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(mp_context=get_context("forkserver"), initializer=os.chdir, initargs=(folder,)) as pool,
    ):
        return list(pool.map(partial(_week, study, rows, shift, strength), range(count), chunksize=5))


def _week(study: Study, rows: int, shift: str, strength: float, seed: int) -> Week:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(study.unseen))
    tested, traffic = study.unseen.iloc[order[:TESTED]], study.unseen.iloc[order[TESTED:]]
    judge = Judge(_reference(study, tested), study.settings, "one", periods.size("1 day"))
    windows = list(_windows(study, traffic, rows, shift, strength, rng))
    signals = [judge.signals(window, windows[:place], by_time=True) for place, window in enumerate(windows)]
    return Week(_alarms(signals, study.settings), _beyond(signals), len(signals))


def _reference(study: Study, tested: pd.DataFrame) -> Reference:
    signature = study.model.signature
    kinds: dict[str, Kind] = {feature.source: feature.kind for feature in signature.features}
    target = codes(tested[signature.target], tuple(signature.classes)).astype(float)
    score, keys = study.model.predict(tested), tested.index.to_numpy()
    scored = Scored(
        signature.task, target, score, keys, tuple(signature.classes), signature.threshold, signature.quantile
    )
    return Reference(signature, kinds, study.train, scored, 0)


def _windows(
    study: Study, traffic: pd.DataFrame, rows: int, shift: str, strength: float, rng: np.random.Generator
) -> Sequence[Window]:
    """A window a day; each row occurs at most once where there are enough, else at most once a day."""
    expected = [rows * (WEEKEND if (MONDAY + timedelta(days=day)).weekday() > 4 else 1) for day in range(BEFORE + DAYS)]
    counts = rng.poisson(expected)
    once, windows, first = counts.sum() <= len(traffic), [], 0
    for day, count in enumerate(counts):
        drawn = np.arange(first, first + count) if once else rng.choice(len(traffic), count, replace=False)
        table = traffic.iloc[drawn].reset_index(drop=True)
        if day >= BEFORE:
            table = shifts.shift(table, shift, study.columns, strength, seed=int(rng.integers(2**31)), root=ROOT)
        windows.append(_window(study.model, table, day, study.settings.monitor.max_rows, rng))
        first += count
    return windows


def _window(model: Model, table: pd.DataFrame, day: int, maximum: int, rng: np.random.Generator) -> Window:
    signature, rows = model.signature, len(table)
    categories = {feature.source: feature.categories for feature in signature.features if feature.kind == "category"}
    sample = table.iloc[:maximum]
    start = MONDAY + timedelta(days=day)
    answers = pd.DataFrame({"release": "one", "score": model.predict(sample)}, index=sample.index)
    return Window(
        start,
        start + timedelta(days=1),
        rows,
        True,
        sample[signature.columns],
        answers,
        {"one": rows},
        {name: int(table[name].isna().sum()) for name in signature.columns},
        {name: int((codes(table[name], values) < 0).sum()) for name, values in categories.items()},
        float(np.quantile(rng.gamma(2, 4, rows), 0.99)),
        sample[signature.target].astype(str),
    )


def _alarms(signals: Sequence[dict[str, WindowSignal]], settings: Params) -> dict[str, int]:
    rule = Rule(settings.monitor.windows, settings.monitor.alarm)
    alarms: dict[str, int] = {}
    for day in range(1, DAYS + 1):
        for name in NAMES:
            history = [
                (MONDAY + timedelta(days=place), window[name]) for place, window in enumerate(signals[: BEFORE + day])
            ]
            if standing(name, history, rule).state == "alarm":
                alarms.setdefault(name, day)
    return alarms


def _beyond(signals: Sequence[dict[str, WindowSignal]]) -> Counter[str]:
    return Counter(name for window in signals for name, signal in window.items() if signal.beyond)


def false_alarms(study: Study, rows: int, count: int = WEEKS) -> str:
    """The table row of weeks without drift: alarms, and the share of windows beyond the bound by signal."""
    quiet = weeks(study, count, rows)
    alarmed = [week for week in quiet if week.alarms]
    windows = sum(week.windows for week in quiet)
    beyond = sum((week.beyond for week in quiet), Counter[str]())
    shares = ", ".join(f"{name} {100 * times / windows:.2f} %" for name, times in beyond.most_common()) or "none"
    return f"| {rows:,} | {count} | {len(alarmed)} ({100 * len(alarmed) / count:.1f} %) | {shares} |"


def detections(study: Study, shift: str, strength: float, rows: int, count: int = SHIFTED) -> str:
    """The table row of a shift: the share of weeks in which it was detected, after how many windows, and by what."""
    shifted = weeks(study, count, rows, shift, strength)
    days = sorted(min(week.alarms.values()) for week in shifted if week.alarms)
    signals = Counter(name for week in shifted for name in week.alarms)
    after = f"{median(days):g} ({days[0]} to {days[-1]})" if days else "–"
    by = ", ".join(f"{name} {100 * times / count:.0f} %" for name, times in signals.most_common()) or "–"
    return f"| {shift} | {strength:g} | {rows:,} | {100 * len(days) / count:.0f} % | {after} | {by} |"


def main() -> None:
    """Print both tables."""
    study = prepare()
    print(f"| rows a day | weeks without drift | weeks with an alarm | windows beyond the bound |\n{'| --- ' * 4}|")
    for rows in ROWS:
        print(false_alarms(study, rows), flush=True)
    header = "| shift | strength | rows a day | found | after windows, median (range) | by |"
    print(f"\n{header}\n{'| --- ' * 6}|")
    for shift in [name for name in (*shifts.SHIFTS, *shifts.of_project(ROOT)) if name != "none"]:
        for strength in STRENGTHS:
            print(detections(study, shift, strength, ROWS[0]), flush=True)
    print(flush=True)
