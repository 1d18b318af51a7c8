"""How often the monitor errs on the sample: weeks without drift that alarm, and shifts that it finds, and how soon.

`make bench` prints the tables. A week is seven days after four others; the monitor looks at the end of each of the
seven, and one alarm of any signal makes the week an alarm. Every week has its own test rows and its own
traffic, drawn from 12,000 rows that the model has not seen, and shares with the others the rows that it was trained on.
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
from pipeline.predictions.windows import Window
from pipeline.watch.monitor.alarm import Rule, standing
from pipeline.watch.monitor.reference import Reference
from pipeline.watch.monitor.signals import NAMES, Found, Judge

ROOT = Path(__file__).parents[1]
TRAINED, STOPPED, TESTED = 15_000, 3_000, 6_000  # rows; the other 6,000 are the traffic
BEFORE, DAYS = 4, 7
WEEKS, SHIFTED = 200, 20
ROWS = (500, 2_000)  # a working day's; at 2,000 the days share rows, which no day does with itself
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
    """Train the model on the sample as params.yaml says."""
    chosen = params.read(root / "params.yaml")
    table = pd.read_parquet(root / "data/credit_default.parquet").sample(frac=1, random_state=0)
    train, stop = table[:TRAINED], table[TRAINED : TRAINED + STOPPED]
    settings = training.Settings(chosen.data, chosen.task, chosen.features, chosen.split, chosen.train)
    ready = training.prepare(train, stop, settings)
    fitted = training.fit(ready, chosen.train)
    model = Model(fitted.booster, training.with_threshold(ready, fitted, chosen.task))
    strongest = sorted(zip(model.gains(), model.signature.features, strict=True), key=lambda pair: -pair[0])
    importance = [{"feature": feature.name, "shap": float(gain)} for gain, feature in strongest]
    columns = shifts.shifted_columns(model.signature, importance)
    unseen = table[TRAINED + STOPPED :].reset_index(drop=True)
    return Study(model, train.reset_index(drop=True), unseen, chosen, columns)


def weeks(study: Study, count: int, rows: int, shift: str = "none", strength: float = 1.0) -> list[Week]:
    """`count` weeks whose seven days are shifted; the four days before them are not."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(mp_context=get_context("forkserver"), initializer=os.chdir, initargs=(folder,)) as pool,
    ):
        return list(pool.map(partial(_week, study, rows, shift, strength), range(count), chunksize=5))


def _week(study: Study, rows: int, shift: str, strength: float, seed: int) -> Week:
    source = np.random.default_rng(seed)
    order = source.permutation(len(study.unseen))
    tested, traffic = study.unseen.iloc[order[:TESTED]], study.unseen.iloc[order[TESTED:]]
    judge = Judge(_reference(study, tested), study.settings, "one")
    windows = list(_windows(study, traffic, rows, shift, strength, source))
    found = [judge.judged(window, windows[:place], by_time=True) for place, window in enumerate(windows)]
    return Week(_alarms(found, study.settings), _beyond(found), len(found))


def _reference(study: Study, tested: pd.DataFrame) -> Reference:
    known = study.model.signature
    kinds: dict[str, Kind] = {feature.source: feature.kind for feature in known.features}
    target = codes(tested[known.target], tuple(known.classes)).astype(float)
    score, keys = study.model.predict(tested), tested.index.to_numpy()
    scored = Scored(known.task, target, score, keys, tuple(known.classes), known.threshold, known.quantile)
    return Reference(known, kinds, study.train, scored, 0)


def _windows(
    study: Study, traffic: pd.DataFrame, rows: int, shift: str, strength: float, source: np.random.Generator
) -> Sequence[Window]:
    """A window a day, each row at most once while there are enough, else at most once a day."""
    usual = [rows * (WEEKEND if (MONDAY + timedelta(days=day)).weekday() > 4 else 1) for day in range(BEFORE + DAYS)]
    counts = source.poisson(usual)
    once, made, at = counts.sum() <= len(traffic), [], 0
    for day, count in enumerate(counts):
        drawn = np.arange(at, at + count) if once else source.choice(len(traffic), count, replace=False)
        table = traffic.iloc[drawn].reset_index(drop=True)
        if day >= BEFORE:
            table = shifts.shift(table, shift, study.columns, strength, seed=int(source.integers(2**31)), root=ROOT)
        made.append(_window(study.model, table, day, study.settings.monitor.max_rows, source))
        at += count
    return made


def _window(model: Model, table: pd.DataFrame, day: int, most: int, source: np.random.Generator) -> Window:
    known, rows = model.signature, len(table)
    texts = {feature.source: feature.categories for feature in known.features if feature.kind == "category"}
    sample = table.iloc[:most]
    start = MONDAY + timedelta(days=day)
    answers = pd.DataFrame({"release": "one", "score": model.predict(sample)}, index=sample.index)
    return Window(
        start,
        start + timedelta(days=1),
        rows,
        True,
        sample[known.columns],
        answers,
        {"one": rows},
        {name: int(table[name].isna().sum()) for name in known.columns},
        {name: int((codes(table[name], kept) < 0).sum()) for name, kept in texts.items()},
        float(np.quantile(source.gamma(2, 4, rows), 0.99)),
        sample[known.target].astype(str),
    )


def _alarms(found: Sequence[dict[str, Found]], settings: Params) -> dict[str, int]:
    rule = Rule(settings.monitor.windows, settings.monitor.alarm)
    alarms: dict[str, int] = {}
    for day in range(1, DAYS + 1):
        for name in NAMES:
            seen = [(MONDAY + timedelta(days=place), one[name]) for place, one in enumerate(found[: BEFORE + day])]
            if standing(name, seen, rule).state == "alarm":
                alarms.setdefault(name, day)
    return alarms


def _beyond(found: Sequence[dict[str, Found]]) -> Counter[str]:
    return Counter(name for one in found for name, said in one.items() if said.beyond)


def quiet(study: Study, rows: int, count: int = WEEKS) -> str:
    """The row of weeks without drift: alarms, and the share of single windows beyond by signal."""
    seen = weeks(study, count, rows)
    alarmed = [week for week in seen if week.alarms]
    windows = sum(week.windows for week in seen)
    beyond = sum((week.beyond for week in seen), Counter[str]())
    shares = ", ".join(f"{name} {100 * times / windows:.2f} %" for name, times in beyond.most_common()) or "none"
    return f"| {rows:,} | {count} | {len(alarmed)} ({100 * len(alarmed) / count:.1f} %) | {shares} |"


def found(study: Study, shift: str, strength: float, rows: int, count: int = SHIFTED) -> str:
    """The row of a shift: the share of the weeks in which it was found, after how many windows, and by what."""
    seen = weeks(study, count, rows, shift, strength)
    days = sorted(min(week.alarms.values()) for week in seen if week.alarms)
    signals = Counter(name for week in seen for name in week.alarms)
    after = f"{median(days):g} ({days[0]} to {days[-1]})" if days else "–"
    by = ", ".join(f"{name} {100 * times / count:.0f} %" for name, times in signals.most_common()) or "–"
    return f"| {shift} | {strength:g} | {rows:,} | {100 * len(days) / count:.0f} % | {after} | {by} |"


def main() -> None:
    """Print both tables."""
    study = prepare()
    print(f"| rows a day | weeks without drift | weeks with an alarm | windows beyond the bound |\n{'| --- ' * 4}|")
    for rows in ROWS:
        print(quiet(study, rows), flush=True)
    head = "| shift | strength | rows a day | found | after windows, median (range) | by |"
    print(f"\n{head}\n{'| --- ' * 6}|")
    for shift in [name for name in (*shifts.SHIFTS, *shifts.projects(ROOT)) if name != "none"]:
        for strength in STRENGTHS:
            print(found(study, shift, strength, ROWS[0]), flush=True)
    print(flush=True)
