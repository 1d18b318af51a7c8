"""The service under full load for some minutes (`MINUTES=5 python -m benchmarks soak`): its memory must not grow."""

import json
import os
import sys
import tempfile
from pathlib import Path

import psutil

from benchmarks import serving
from benchmarks.projects import BIN, ROOT

MINUTES, TURN = 5, 15  # duration, and the seconds of a turn, after which the memory is read
GROWTH = 10  # MB: the most by which the memory may grow from the first minute to the end


def main() -> None:
    turns = max(8, round(60 * float(os.environ.get("MINUTES", MINUTES)) / TURN))
    table, _ = serving.sample()
    with tempfile.TemporaryDirectory() as name:
        home, port = Path(name), serving.free_port()
        bodies = {rows: home / f"body{rows}.json" for rows in (1, serving.BATCH)}
        for rows, body in bodies.items():
            body.write_text(json.dumps({"rows": table.head(rows).to_dict("records")}))
        command = [str(BIN / "pipeline"), "serve", "--port", str(port)]
        with serving.serving(command, port, "/readyz", ROOT, home) as (process, _):
            memory, requests = list[float](), 0.0
            for turn in range(turns):
                rows = serving.BATCH if turn % 4 == 3 else 1
                requests += TURN * serving.load(port, "/predict", bodies[rows], seconds=TURN)["requests"]
                memory.append(_memory(process))
                print(f"turn {turn + 1} of {turns}, batches of {rows}: {memory[-1]:.1f} MB", file=sys.stderr)
    _show(memory, requests)


def _memory(process: psutil.Process) -> float:
    """MB of memory that only the server and its workers use (unique set size)."""
    unique = [part.memory_full_info().uss for part in (process, *process.children(recursive=True))]
    return float(sum(unique)) / 2**20


def _show(memory: list[float], requests: float) -> None:
    early, late = memory[3], memory[-1]  # the first minute includes every kind of request
    print(f"{len(memory) * TURN / 60:g} minutes at full load, {requests:,.0f} requests, none failed.")
    print(f"Memory: {early:.1f} MB after a minute, {late:.1f} MB at the end, {max(memory):.1f} MB at most.\n")
    if late - early > GROWTH:
        sys.exit(f"error: the service's memory grew by {late - early:.1f} MB, more than {GROWTH}")
