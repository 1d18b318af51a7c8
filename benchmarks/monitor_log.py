"""The monitor on logs of growing size: seconds and peak memory of reading alone, and of `pipeline monitor` as a whole.

Needs a model (`make run`). Each log holds answers to the test rows, repeated with ids and times of their own, over
thirty days in files of a day; it is removed when it was measured.
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
            judged = measured([str(BIN / "pipeline"), "monitor", *period], fine=(0, 1))  # 1: it alarms
        cells = [f"{seconds:.1f} s | {peak:,.0f} MB" for seconds, peak in (read, judged)]
        print(f"| {rows:,} | {size:,.0f} MB | {' | '.join(cells)} | {judged[0] / rows * 1e6:.1f} |", flush=True)
    print(flush=True)


def measured(command: list[str], fine: tuple[int, ...] = (0,)) -> tuple[float, float]:
    """Wall seconds and peak memory (MB) of a process; any other status than these ends all."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, text=True)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in fine:
            said.seek(0)
            sys.exit(f"error: {' '.join(command)} failed:\n{said.read()}")
    return time.perf_counter() - begun, peak_memory(used)


def write(folder: Path, rows: int) -> None:
    """Answers of the model in the service's own lines, evenly over the days before UNTIL; beyond a million rows by
    several workers, whose rows have ids of their own and are else the same.
    """
    folder.mkdir()
    answers = [re.fullmatch(rb'{"id":"[^"]*"(.*"time":")[^"]*(".*)', line) for line in _answers(folder)]
    parts = [answer.groups() for answer in answers if answer]
    workers = max(1, rows // MILLION)
    each = rows // workers
    step, size = timedelta(days=DAYS) / each, each // DAYS + 1
    for first in range(0, each, size):
        moments = [UNTIL - timedelta(days=DAYS) + at * step for at in range(first, min(first + size, each))]
        lines = [
            b'{"id":"worker0-%x-0"%s%s%s\n' % (at, before, moment.isoformat(timespec="microseconds").encode(), after)
            for at, moment in enumerate(moments, first)
            for before, after in [parts[at % len(parts)]]
        ]
        content = b"".join(lines)
        for worker in range(workers):
            path = folder / f"predictions.w{worker}.{moments[0]:%Y%m%dT%H%M%S.%fZ}.jsonl"
            path.write_bytes(content.replace(b'"worker0-', b'"worker%d-' % worker))


def _answers(folder: Path) -> list[bytes]:
    """A line of the log for each test row, as the service's own log writes it into the folder, which is empty again."""
    import pandas as pd

    from pipeline.ship.service import log, predictor
    from pipeline.ship.service.log_files import LogFiles

    served = predictor.load(ROOT)
    columns = [column.name for column in served.rows.ordered]
    table = pd.read_parquet(ROOT / "data/split/test.parquet")[columns]
    written = log.PredictionLog("predictions", LogFiles(folder, 1, 2**40, 1), log.features(columns, []), print)
    for first in range(0, len(table), served.serve.max_rows):
        body = b'{"rows":%s}' % table[first : first + served.serve.max_rows].to_json(orient="records").encode()
        made = served.predict(body, "r")
        record: Any = log.Record(0.0, served.release["release"], 0.4, body, made.rows, made.lines)
        written.log_table([record], {})
    written.close()
    lines = []
    for path in list(folder.iterdir()):
        lines += path.read_bytes().splitlines()
        path.unlink()
    return lines


def read(folder: str) -> None:
    from pipeline.core import params
    from pipeline.models import model_text, signature
    from pipeline.watch.monitor import windowing

    known = signature.read(ROOT / "models" / model_text.SIGNATURE)
    windowing.read(folder, known, params.section(params.Monitor), until=UNTIL, window="1 day")


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[3])) if sys.argv[1] == "write" else read(sys.argv[2])
