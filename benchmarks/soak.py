"""The service under full load for some minutes (`MINUTES=5 python -m benchmarks soak`): its memory must stay flat."""

import json
import os
import sys
import tempfile
from pathlib import Path

import psutil

from benchmarks import serving
from benchmarks.projects import BIN, ROOT

MINUTES, TURN = 5, 15  # how long, and the seconds of a turn, at whose end the memory is read
GROWTH = 10  # MB between the first minute and the end that are too many


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
            found, requests = list[float](), 0.0
            for turn in range(turns):
                rows = serving.BATCH if turn % 4 == 3 else 1
                requests += TURN * serving.load(port, "/predict", bodies[rows], seconds=TURN)["requests"]
                found.append(_memory(process))
                print(f"turn {turn + 1} of {turns}, batches of {rows}: {found[-1]:.1f} MB", file=sys.stderr)
    _show(found, requests)


def _memory(process: psutil.Process) -> float:
    """MB that the server and its workers hold and share with no other process."""
    held = [one.memory_full_info().uss for one in (process, *process.children(recursive=True))]
    return float(sum(held)) / 2**20


def _show(found: list[float], requests: float) -> None:
    early, late = found[3], found[-1]  # after the first minute every kind of request was seen
    print(f"{len(found) * TURN / 60:g} minutes at full load, {requests:,.0f} requests, none failed.")
    print(f"Memory: {early:.1f} MB after a minute, {late:.1f} MB at the end, {max(found):.1f} MB at most.\n")
    if late - early > GROWTH:
        sys.exit(f"error: the service's memory grew by {late - early:.1f} MB, more than {GROWTH}")
