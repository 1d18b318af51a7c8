"""The service on one core against Booster.predict, a plain BentoML service on DataFrames, and `mlflow models serve`.

Each server runs on the first core, the load generator on the second; they are measured in turns, in rounds.
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
from benchmarks.projects import BIN, ROOT
from pipeline.models import matrix as features
from pipeline.models import model

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


def sample() -> tuple[pd.DataFrame, Any]:
    trained = model.load(ROOT / "models")
    table = pd.read_parquet(ROOT / "data/split/test.parquet")[trained.signature.columns].head(BATCH)
    return table, trained


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: list[str], port: int, ready: str, folder: Path, home: Path
) -> Iterator[tuple[psutil.Process, float]]:
    """A server on the first core, ended by its process group; yields the seconds until it was ready."""
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
    done = subprocess.run(
        ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "benchmarks.load", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        sys.exit(f"error: load on {path}: {done.stderr or done.stdout}")
    found: dict[str, float] = json.loads(done.stdout)
    if found["failed"]:
        sys.exit(f"error: {found['failed']:.0f} requests to {path} failed")
    return found


def raw(trained: Any, table: pd.DataFrame) -> dict[str, float]:
    """Rows a second of Booster.predict in a loop, on a matrix that is already encoded."""
    os.sched_setaffinity(0, {int(CORE)})
    matrix = np.ascontiguousarray(features.encode(table, trained.signature))
    found = {}
    for rows, times in ((1, 2000), (BATCH, 300)):
        seconds = timeit.timeit(partial(trained.booster.predict, matrix[:rows]), number=times)
        found[str(rows)] = rows * times / seconds
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    return found


def servers(folder: Path, table: pd.DataFrame, trained: Any) -> dict[str, tuple[list[str], str, str, Path, Any]]:
    """Name: command (without its port), path, ready path, folder, how rows become a body."""
    categories = {one.source: list(one.categories) for one in trained.signature.features if one.kind == "category"}
    (folder / "plain.py").write_text(PLAIN.format(categories=categories, model=str(ROOT / "models/model.txt")))
    import mlflow

    mlflow.lightgbm.save_model(
        lightgbm.Booster(model_file=str(ROOT / "models/model.txt")), folder / "mlflow", pip_requirements=["lightgbm"]
    )
    coded = pd.DataFrame(features.encode(table, trained.signature), columns=table.columns)
    serve = ["--host", "127.0.0.1", "--port"]
    return {
        "this service": (
            [str(BIN / "pipeline"), "serve", *serve],
            "/predict",
            "/readyz",
            ROOT,
            lambda rows: {"rows": table.head(rows).to_dict("records")},
        ),
        "plain BentoML": (
            [str(BIN / "bentoml"), "serve", "plain:Plain", *serve],
            "/predict",
            "/readyz",
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


def spent(process: psutil.Process) -> float:
    """CPU seconds of a server and its workers: what it takes, however busy the machine is."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def measure(command: list[str], path: str, ready: str, at: Path, make: Any, home: Path) -> dict[str, float]:
    """One turn of one server."""
    port, found = free_port(), dict[str, float]()
    with serving([*command, str(port)], port, ready, at, home) as (process, found["start"]):
        for rows in (1, BATCH):
            body = home / f"body{rows}.json"
            body.write_text(json.dumps(make(rows)))
            before = spent(process)
            top = load(port, path, body)
            found[f"cpu{rows}"] = (spent(process) - before) / (top["requests"] * (SECONDS + WARM_UP)) * 1000
            found |= {f"requests{rows}": top["requests"], f"p50_{rows}": top["p50"], f"p99_{rows}": top["p99"]}
            if rows == 1:
                found["p99_half"] = load(port, path, body, top["requests"] / 2)["p99"]
    return found


def main() -> None:
    table, trained = sample()
    turns: dict[str, list[dict[str, float]]] = {}
    loops = list[dict[str, float]]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        all_servers = servers(folder, table, trained)
        for turn in range(ROUNDS):
            loops.append(raw(trained, table))
            for server, settings in all_servers.items():
                home = folder / f"{turn}{len(turns)}{server[:4].strip()}"
                home.mkdir()
                turns.setdefault(server, []).append(measure(*settings, home))
    show(turns, loops)


HEAD = ("", "requests/s", "CPU each", "p50", "p99", "p99 at half load", "rows/s, batches of 100", "CPU each", "ready")


def show(turns: dict[str, list[dict[str, float]]], loops: list[dict[str, float]]) -> None:
    print(f"Medians of {ROUNDS} rounds of {SECONDS} s, {CONNECTIONS} connections; load now {os.getloadavg()[0]:.1f}.\n")
    print(f"| {' | '.join(HEAD)} |\n{'| --- ' * len(HEAD)}|")
    single, batch = (median(loop[rows] for loop in loops) for rows in ("1", str(BATCH)))
    cost = 1000 * BATCH / batch
    loop = (f"{single:,.0f}", f"{1000 / single:.2f} ms", "", "", "", f"{batch:,.0f}", f"{cost:.2f} ms", "")
    print(f"| `Booster.predict` in a loop | {' | '.join(loop)} |")
    figures = {name: {key: median(one[key] for one in found) for key in found[0]} for name, found in turns.items()}
    for name, one in figures.items():
        latencies = " | ".join(f"{one[key]:.1f} ms" for key in ("p50_1", "p99_1", "p99_half"))
        batches = f"{one[f'requests{BATCH}'] * BATCH:,.0f} | {one[f'cpu{BATCH}']:.2f} ms"
        print(f"| {name} | {one['requests1']:,.0f} | {one['cpu1']:.2f} ms | {latencies}", end=" ")
        print(f"| {batches} | {one['start']:.1f} s |")
    mine = figures.pop("this service")
    print()
    for name, one in figures.items():
        print(f"Against {name}, single rows: {mine['requests1'] / one['requests1']:.1f} times the requests,", end=" ")
        print(f"{one['cpu1'] / mine['cpu1']:.1f} times less CPU.")
    share = mine[f"requests{BATCH}"] * BATCH / batch
    print(
        f"Batches against the raw loop: {share:.2f} of the rows a second ({cost / mine[f'cpu{BATCH}']:.2f} by CPU).\n"
    )


if __name__ == "__main__":
    main()
