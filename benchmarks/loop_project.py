"""A project that lives through time: adopted with the first rows of a table, served, watched and retrained.

The contract is inferred, stages, gate and retraining are the commands themselves, answers are the service's and are
logged by its own log; only HTTP is left out. Labels come by the end of the day.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from benchmarks.loop_tables import Table
from benchmarks.projects import BIN, copy, timed, without_features
from pipeline.core import params
from pipeline.models import signature as signatures
from pipeline.models.model_text import SIGNATURE
from pipeline.predictions import label_join, periods
from pipeline.ship.service import log, predictor
from pipeline.ship.service.log_files import LogFiles
from pipeline.ship.service.predictor import Predictor
from pipeline.watch.monitor import reference_data, windowing
from pipeline.watch.monitor.alarm import Rule, Standing, standing
from pipeline.watch.monitor.reference_data import Reference
from pipeline.watch.monitor.signals import Judge
from pipeline.watch.monitor.window_signal import WindowSignal

LOG, LABELS = Path("logs/predictions"), Path("labels")
GIT = ("git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")


@dataclass(frozen=True)
class Look:
    """What the monitor says at the end of a window."""

    until: datetime
    signals: dict[str, Standing]

    def alarms(self, name: str) -> bool:
        return name in self.signals and self.signals[name].state == "alarm"


class Project:
    """A copy of the repository with the table's first rows as its data."""

    def __init__(self, folder: Path, table: Table, rows: pd.DataFrame) -> None:
        self.folder, self.table = without_features(copy(folder)), table
        (self.folder / "data/credit_default.parquet").unlink()
        rows.to_parquet(self.folder / "data/table.parquet", index=False)
        self._configure()
        for command in (["pipeline", "fetch"], ["pipeline", "schema", "--force"]):
            timed([str(BIN / command[0]), *command[1:]], self.folder)
        self.run()
        timed([*GIT, "checkout", "-q", "-b", "main"], self.folder)
        self.merge()

    def _configure(self) -> None:
        """params.yaml as a person writes it for this table."""
        path, yaml = self.folder / "params.yaml", YAML()
        content, table = yaml.load(path), self.table
        positive = "yes" if table.task == "binary" else None
        changes: dict[str, dict[str, Any]] = {
            "data": {"source": "data/table.parquet", "added": "added", "key": None},
            "task": {"type": table.task, "target": "target", "positive": positive},
            "split": {"time": "time"},
            "evaluate": {"slices": [], "sensitive": [], "bootstrap": 200},
            "gate": {"primary": table.metric, "floors": {}, "slices": None, "fairness": None},
            "monitor": {"labels": f"{LABELS}/*.csv"},
        }
        for section, values in [*changes.items(), *table.parameters.items()]:
            content[section].update(values)
        yaml.dump(content, path)

    def run(self) -> None:
        """`pipeline run`: stages and verdict."""
        timed([str(BIN / "pipeline"), "run"], self.folder)

    def merge(self) -> None:
        """What was measured becomes main, and its model the champion."""
        timed([*GIT, "add", "--all"], self.folder)
        timed([*GIT, "commit", "-q", "-m", "measured"], self.folder)

    def retrain(self) -> str:
        """Take the labelled rows in, measure, and merge unless the gate fails; what became of it."""
        with chdir(self.folder):
            done = subprocess.run([str(BIN / "pipeline"), "retrain"], capture_output=True, text=True, check=False)
            if done.returncode:
                return f"no retraining: {(done.stderr or done.stdout).strip().splitlines()[-1]}"
            self.run()
            verdict = str(json.loads(Path("reports/verdict.json").read_text())["verdict"])
        if verdict == "fail":
            timed(["git", "checkout", "-q", "--", "data/source.json", "dvc.lock"], self.folder)
            self.run()
        else:
            self.merge()
        return verdict

    def predictor(self) -> Predictor:
        return predictor.load(self.folder)

    def reference(self) -> Reference:
        """What the monitor compares with."""
        with chdir(self.folder):
            trained = signatures.read(Path("models") / SIGNATURE)
            return reference_data.load(trained, params.section(params.Monitor))

    def serve(self, rows: pd.DataFrame, service: Predictor) -> "np.ndarray[Any, Any]":
        """Answer the rows in their order, log the answers, and write their labels; the scores (rows,)."""
        folder = self.folder / LOG
        columns = [column.name for column in service.rows.ordered]
        writer = log.PredictionLog(
            "predictions", LogFiles(folder, 1, 2**40, 10**6), log.feature_encoder(columns, []), print
        )
        ids, scores = list[str](), list[float]()
        before = set(folder.glob("*.jsonl"))
        for moment, body, request in requests(rows, columns, service.serve.max_rows):
            answer = service.predict(body, request)
            writer.log_table([log.Record(moment, service.release["release"], 1.0, body, answer.rows, answer.lines)], {})
            lines = [json.loads(line) for line in answer.lines.splitlines()]
            ids += [line["id"] for line in lines]
            scores += [line["score"] for line in lines]
        writer.close(600)
        start = f"{rows['time'].iloc[0]:%Y%m%dT%H%M%S.%fZ}"
        for path in set(folder.glob("*.jsonl")) - before:
            path.rename(folder / f"predictions.w1.{start}.jsonl")
        labels = self.folder / LABELS / f"{start}.csv"
        labels.parent.mkdir(exist_ok=True)
        pd.DataFrame({"id": ids, "label": rows["target"].to_numpy()}).to_csv(labels, index=False)
        return np.array(scores)

    def watch(self, start: datetime, end: datetime, release: str) -> list[Look]:
        """The monitor's looks at the end of each window that ends within the period."""
        with chdir(self.folder):
            settings = params.read()
            monitor, size = settings.monitor, periods.size(settings.monitor.window)
            assert size.micros
            reach = timedelta(microseconds=size.micros) * monitor.history
            since = datetime.fromtimestamp((start - reach).timestamp() // 86400 * 86400, UTC)
            reference = self.reference()
            read = windowing.read(
                str(LOG), reference.signature, monitor, since=since, until=end, window=monitor.window, labelled=True
            )
            windows = label_join.join(read, monitor.labels or "", reference.signature, settings.data).windows
            complete, judge = (
                [window for window in windows if window.complete],
                Judge(reference, settings, release, size),
            )
            signals = [judge.signals(window, complete[:place], True) for place, window in enumerate(complete)]
        rule = Rule(monitor.windows, monitor.alarm, monitor.false_alarms)
        looks = list[Look]()
        for place, window in enumerate(complete, 1):
            if start < window.end <= end:
                reached = slice(max(0, place - monitor.history), place)
                looks.append(_look(window.end, [*zip(complete, signals, strict=True)][reached], rule))
        return looks


def _look(until: datetime, judged: list[tuple[Any, dict[str, WindowSignal]]], rule: Rule) -> Look:
    names = [name for name in judged[-1][1] if name not in ("volume", "latency")]
    histories = {name: [(window.start, signals[name]) for window, signals in judged] for name in names}
    return Look(until, {name: standing(name, history, rule) for name, history in histories.items()})


def requests(rows: pd.DataFrame, columns: list[str], most: int) -> Iterator[tuple[float, bytes, str]]:
    """The moment, the body and the id of each request: the rows of a time together."""
    for moment, together in rows.groupby(pd.to_datetime(rows["time"]), sort=True):
        for first in range(0, len(together), most):
            body = together[columns].iloc[first : first + most].to_json(orient="records")
            seconds = pd.Timestamp(str(moment), tz="UTC").timestamp()
            yield seconds, b'{"rows":%s}' % body.encode(), f"r{seconds:.0f}.{first}"


def scores(service: Predictor, rows: pd.DataFrame) -> "np.ndarray[Any, Any]":
    """What a model answers for the rows (rows,), without any log."""
    columns = [column.name for column in service.rows.ordered]
    lines = (service.predict(body, "r").lines for _, body, _ in requests(rows, columns, service.serve.max_rows))
    return np.array([json.loads(line)["score"] for answer in lines for line in answer.splitlines()])


os.environ.setdefault("OMP_NUM_THREADS", "1")
