"""The monitor on logs of increasing size: time and peak memory of reading alone, and of all of `pipeline monitor`.

Needs a model (`make run`). Each log holds answers to the test rows, repeated with ids and times of their own, over
thirty days in daily files; it is removed after the measurement.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.projects import BIN, ROOT
from pipeline.core.costs import peak_memory

MILLION = 1_000_000
ROWS = (10_000, 100_000, MILLION, 10 * MILLION)
DAYS, UNTIL = 30, datetime(2024, 6, 1, tzinfo=UTC)
COLUMNS = ("rows", "log", "reading", "peak memory", "`pipeline monitor`", "peak memory", "seconds per million rows")


def main() -> None:
    print("| " + " | ".join(COLUMNS) + " |")
    print("| ---: " * len(COLUMNS) + "|")
    for rows in ROWS:
        with tempfile.TemporaryDirectory() as name:
            log = Path(name) / "log"
            measured([sys.executable, "-m", "benchmarks.monitor_log", "write", str(log), str(rows)])
            size = sum(path.stat().st_size for path in log.iterdir()) / 2**20
            read = measured([sys.executable, "-m", "benchmarks.monitor_log", "read", str(log)])
            period = ["--log", str(log), "--until", UNTIL.isoformat(), "--folder", f"{name}/report"]
            judged = measured([str(BIN / "pipeline"), "monitor", *period], allowed=(0, 1))  # 1: an alarm
        cells = [f"{seconds:.1f} s | {peak:,.0f} MB" for seconds, peak in (read, judged)]
        print(f"| {rows:,} | {size:,.0f} MB | {' | '.join(cells)} | {judged[0] / rows * 1e6:.1f} |", flush=True)
    print(flush=True)


def measured(command: list[str], allowed: tuple[int, ...] = (0,)) -> tuple[float, float]:
    """Wall seconds and peak memory (MB) of a process; any status that is not allowed ends the benchmark."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, text=True)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in allowed:
            output.seek(0)
            sys.exit(f"error: {' '.join(command)} failed:\n{output.read()}")
    return time.perf_counter() - start, peak_memory(usage)


def write(folder: Path, rows: int) -> None:
    """Write the model's answers as the service's own lines, evenly over the days before UNTIL.

    More than a million rows come from several workers, whose rows differ only in their ids.
    """
    folder.mkdir()
    answers = [re.fullmatch(rb'{"id":"[^"]*"(.*"time":")[^"]*(".*)', line) for line in _answers(folder)]
    parts = [answer.groups() for answer in answers if answer]
    workers = max(1, rows // MILLION)
    share = rows // workers
    step, size = timedelta(days=DAYS) / share, share // DAYS + 1
    for first in range(0, share, size):
        times = [UNTIL - timedelta(days=DAYS) + row * step for row in range(first, min(first + size, share))]
        lines = [
            b'{"id":"worker0-%x-0"%s%s%s\n' % (row, before, time_.isoformat(timespec="microseconds").encode(), after)
            for row, time_ in enumerate(times, first)
            for before, after in [parts[row % len(parts)]]
        ]
        content = b"".join(lines)
        for worker in range(workers):
            path = folder / f"predictions.w{worker}.{times[0]:%Y%m%dT%H%M%S.%fZ}.jsonl"
            path.write_bytes(content.replace(b'"worker0-', b'"worker%d-' % worker))


def _answers(folder: Path) -> list[bytes]:
    """A log line for each test row, written by the service's own log to the folder, which is emptied afterwards."""
    import pandas as pd

    from pipeline.ship.service import log, predictor
    from pipeline.ship.service.log_files import LogFiles

    service = predictor.load(ROOT)
    columns = [column.name for column in service.rows.ordered]
    table = pd.read_parquet(ROOT / "data/split/test.parquet")[columns]
    writer = log.PredictionLog("predictions", LogFiles(folder, 1, 2**40, 1), log.feature_encoder(columns, []), print)
    for first in range(0, len(table), service.serve.max_rows):
        body = b'{"rows":%s}' % table[first : first + service.serve.max_rows].to_json(orient="records").encode()
        answer = service.predict(body, "r")
        record: Any = log.Record(0.0, service.release["release"], 0.4, body, answer.rows, answer.lines)
        writer.log_table([record], {})
    writer.close()
    lines = []
    for path in list(folder.iterdir()):
        lines += path.read_bytes().splitlines()
        path.unlink()
    return lines


def read(folder: str) -> None:
    from pipeline.core import params
    from pipeline.models import model_text, signature
    from pipeline.watch.monitor import windowing

    trained = signature.read(ROOT / "models" / model_text.SIGNATURE)
    windowing.read(folder, trained, params.section(params.Monitor), until=UNTIL, window="1 day")


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[3])) if sys.argv[1] == "write" else read(sys.argv[2])
