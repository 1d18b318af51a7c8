"""The service on one core against Booster.predict, a plain BentoML service on DataFrames, and `mlflow models serve`.

Each server runs on the first core, the load generator on the second; they are measured alternately, in rounds.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import timeit
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import psutil

from benchmarks.load import WARM_UP
from benchmarks.projects import BIN, ROOT, with_features
from pipeline.models import matrix, model

SECONDS, ROUNDS, CONNECTIONS, BATCH = 3, 5, 8, 100
CORE, LOAD_CORE = "0", "1"
PLAIN = """import bentoml, lightgbm, pandas as pd
from typing import Any

CATEGORIES = {categories!r}

@bentoml.service(workers=1)
class Plain:
    def __init__(self) -> None:
        self.booster = lightgbm.Booster(model_file={model!r})

    @bentoml.api
    def predict(self, rows: list[dict[str, Any]]) -> list[float]:
        table = pd.DataFrame(rows)
        for name, values in CATEGORIES.items():
            table[name] = pd.Categorical(table[name], categories=values).codes
        return self.booster.predict(table).tolist()
"""
FASTAPI = """import lightgbm, numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, create_model

CATEGORIES = {categories!r}
NAMES = {names!r}
CODES = [{{value: code for code, value in enumerate(CATEGORIES.get(name, []))}} for name in NAMES]
Row = create_model("Row", **{{name: (str if name in CATEGORIES else float, ...) for name in NAMES}})
booster = lightgbm.Booster(model_file={model!r})
app = FastAPI()


class Rows(BaseModel):
    rows: list[Row]


@app.get("/ready")
async def ready() -> None: ...


@app.post("/predict")
async def predict(body: Rows) -> list[float]:
    matrix = np.empty((len(body.rows), len(NAMES)))
    for place, row in enumerate(body.rows):
        values = [getattr(row, name) for name in NAMES]
        matrix[place] = [codes[value] if codes else value for value, codes in zip(values, CODES)]
    return booster.predict(matrix).tolist()
"""


def sample(root: Path = ROOT) -> tuple[pd.DataFrame, Any]:
    trained = model.load(root / "models")
    table = pd.read_parquet(root / "data/split/test.parquet")[trained.signature.columns].head(BATCH)
    return table, trained


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: list[str], port: int, ready: str, folder: Path, home: Path
) -> Iterator[tuple[psutil.Process, float]]:
    """Run a server on the first core, then end its process group; yields the process and the seconds to readiness."""
    env = os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "OMP_NUM_THREADS": "1"}
    env |= {"PIPELINE_LOG_FOLDER": str(home / "log"), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    start = time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "-c", CORE, *command],
        cwd=folder,
        env=env,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}", timeout=2)  # loopback
                break
            except OSError:
                if process.poll() is not None or time.perf_counter() - start > 90:
                    sys.exit(f"error: {' '.join(command)} does not answer")
                time.sleep(0.02)
        yield psutil.Process(process.pid), time.perf_counter() - start
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def load(port: int, path: str, body: Path, rate: float | None = None, seconds: float = SECONDS) -> dict[str, float]:
    arguments = [str(port), path, str(body), str(CONNECTIONS), str(seconds), *([str(rate)] if rate else [])]
    completed = subprocess.run(
        ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "benchmarks.load", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if completed.returncode:
        sys.exit(f"error: load on {path}: {completed.stderr or completed.stdout}")
    figures: dict[str, float] = json.loads(completed.stdout)
    if figures["failed"]:
        sys.exit(f"error: {figures['failed']:.0f} requests to {path} failed")
    return figures


def predict_loop(trained: Any, table: pd.DataFrame) -> dict[str, float]:
    """Rows a second of Booster.predict in a loop, on a matrix that is already encoded."""
    os.sched_setaffinity(0, {int(CORE)})
    encoded = np.ascontiguousarray(matrix.encode(table, trained.signature))
    speeds = {}
    for rows, times in ((1, 2000), (BATCH, 300)):
        seconds = timeit.timeit(partial(trained.booster.predict, encoded[:rows]), number=times)
        speeds[str(rows)] = rows * times / seconds
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    return speeds


def servers(
    folder: Path, root: Path, table: pd.DataFrame, trained: Any
) -> dict[str, tuple[list[str], str, str, Path, Any]]:
    """Name: command (without its port), path, ready path, folder, a function that makes a body of so many rows."""
    categories = {
        feature.source: list(feature.categories) for feature in trained.signature.features if feature.kind == "category"
    }
    (folder / "plain.py").write_text(PLAIN.format(categories=categories, model=str(root / "models/model.txt")))
    (folder / "arrays.py").write_text(
        FASTAPI.format(categories=categories, names=list(table), model=str(root / "models/model.txt"))
    )
    import mlflow

    mlflow.lightgbm.save_model(
        lightgbm.Booster(model_file=str(root / "models/model.txt")), folder / "mlflow", pip_requirements=["lightgbm"]
    )
    coded = pd.DataFrame(matrix.encode(table, trained.signature), columns=table.columns)
    serve = ["--host", "127.0.0.1", "--port"]
    return {
        "this service": (
            [str(BIN / "pipeline"), "serve", *serve],
            "/predict",
            "/readyz",
            root,
            lambda rows: {"rows": table.head(rows).to_dict("records")},
        ),
        "plain BentoML": (
            [str(BIN / "bentoml"), "serve", "plain:Plain", *serve],
            "/predict",
            "/readyz",
            folder,
            lambda rows: {"rows": table.head(rows).to_dict("records")},
        ),
        "FastAPI, a pydantic model and arrays": (
            [str(BIN / "uvicorn"), "arrays:app", "--log-level", "warning", "--no-access-log", *serve],
            "/predict",
            "/ready",
            folder,
            lambda rows: {"rows": table.head(rows).to_dict("records")},
        ),
        "mlflow models serve": (
            [str(BIN / "mlflow"), "models", "serve", "-m", "mlflow", "--env-manager", "local", *serve],
            "/invocations",
            "/ping",
            folder,
            lambda rows: {"dataframe_split": coded.head(rows).to_dict("split", index=False)},
        ),
    }


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds of a server and its workers, which depend little on the machine's other load."""
    times = [part.cpu_times() for part in (process, *process.children(recursive=True))]
    return float(sum(part.user + part.system for part in times))


def measure(command: list[str], path: str, ready: str, folder: Path, make: Any, home: Path) -> dict[str, float]:
    """The figures of one server in one round."""
    port, figures = free_port(), dict[str, float]()
    with serving([*command, str(port)], port, ready, folder, home) as (process, figures["start"]):
        for rows in (1, BATCH):
            body = home / f"body{rows}.json"
            body.write_text(json.dumps(make(rows)))
            before = cpu_seconds(process)
            full = load(port, path, body)
            figures[f"cpu{rows}"] = (cpu_seconds(process) - before) / (full["requests"] * (SECONDS + WARM_UP)) * 1000
            figures |= {f"requests{rows}": full["requests"], f"p50_{rows}": full["p50"], f"p99_{rows}": full["p99"]}
            if rows == 1:
                figures["p99_half"] = load(port, path, body, full["requests"] / 2)["p99"]
    return figures


def main() -> None:
    rounds: dict[str, list[dict[str, float]]] = {}
    loops = list[dict[str, float]]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = with_features(folder / "sample", "")  # the other servers have no place for features in code
        table, trained = sample(root)
        all_servers = servers(folder, root, table, trained)
        for round_ in range(ROUNDS):
            loops.append(predict_loop(trained, table))
            for server, settings in all_servers.items():
                home = folder / f"{round_}{server[:4].strip()}"
                home.mkdir()
                rounds.setdefault(server, []).append(measure(*settings, home))
    show(rounds, loops)


HEAD = ("", "requests/s", "CPU each", "p50", "p99", "p99 at half load", "rows/s, batches of 100", "CPU each", "ready")


def show(rounds: dict[str, list[dict[str, float]]], loops: list[dict[str, float]]) -> None:
    print(f"Medians of {ROUNDS} rounds of {SECONDS} s, {CONNECTIONS} connections; load now {os.getloadavg()[0]:.1f}.\n")
    print(f"| {' | '.join(HEAD)} |\n{'| --- ' * len(HEAD)}|")
    single, batch = (median(loop[rows] for loop in loops) for rows in ("1", str(BATCH)))
    cost = 1000 * BATCH / batch
    loop = (f"{single:,.0f}", f"{1000 / single:.2f} ms", "", "", "", f"{batch:,.0f}", f"{cost:.2f} ms", "")
    print(f"| `Booster.predict` in a loop | {' | '.join(loop)} |")
    figures = {name: {key: median(turn[key] for turn in turns) for key in turns[0]} for name, turns in rounds.items()}
    for name, server in figures.items():
        latencies = " | ".join(f"{server[key]:.1f} ms" for key in ("p50_1", "p99_1", "p99_half"))
        batches = f"{server[f'requests{BATCH}'] * BATCH:,.0f} | {server[f'cpu{BATCH}']:.2f} ms"
        print(f"| {name} | {server['requests1']:,.0f} | {server['cpu1']:.2f} ms | {latencies}", end=" ")
        print(f"| {batches} | {server['start']:.1f} s |")
    service = figures.pop("this service")
    print()
    for name, server in figures.items():
        requests, cpu = service["requests1"] / server["requests1"], server["cpu1"] / service["cpu1"]
        print(f"Against {name}, single rows: {requests:.1f} times the requests, {cpu:.1f} times less CPU.")
    share = service[f"requests{BATCH}"] * BATCH / batch
    print(
        f"Batches against the raw loop: {share:.2f} of the rows a second, {cost / service[f'cpu{BATCH}']:.2f} by CPU.\n"
    )


if __name__ == "__main__":
    main()
