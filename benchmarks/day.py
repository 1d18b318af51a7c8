"""A day of traffic in five minutes, sent on schedule: night, morning, a peak of ten times the normal rate, a burst.

`NORMAL=200 python -m benchmarks day` takes another number of requests a second as the ordinary one.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks import serving
from benchmarks.projects import BIN, ROOT

NORMAL = float(os.environ.get("NORMAL", "200"))  # requests a second


class Part(NamedTuple):
    """A part of the day. `rate`: of the normal one, at its beginning and at its end."""

    name: str
    seconds: int
    rate: tuple[float, float]


DAY = (
    Part("night", 60, (0.1, 0.1)),
    Part("morning, rising", 60, (0.1, 1)),
    Part("forenoon", 60, (1, 1)),
    Part("peak of ten times", 30, (10, 10)),
    Part("afternoon", 50, (1, 1)),
    Part("burst of fifteen times", 5, (15, 15)),
    Part("evening, falling", 35, (1, 0.1)),
)
STEP = 5  # seconds in which the rate stays the same


def main() -> None:
    """Print latencies, counted from the time at which each request was due, and failures by part of the day."""
    table, _ = serving.sample()
    with tempfile.TemporaryDirectory() as name:
        home, port = Path(name), serving.free_port()
        body = home / "body.json"
        body.write_text(json.dumps({"rows": json.loads(table.head(1).to_json(orient="records"))}))
        command = [str(BIN / "pipeline"), "serve", "--port", str(port)]
        with serving.serving(command, port, "/readyz", ROOT, home):
            print("| part of the day | requests/s | p50 | p99 | p99.9 | failed |\n" + "| --- " * 6 + "|")
            for part in DAY:
                _show(part, [serving.load(port, "/predict", body, rate, STEP) for rate in rates(part)])


def rates(part: Part) -> list[float]:
    """Requests a second in each step of a part."""
    count, (first, last) = part.seconds // STEP, part.rate
    return [NORMAL * (first + (last - first) * step / max(count - 1, 1)) for step in range(count)]


def _show(part: Part, steps: list[dict[str, float]]) -> None:
    """The worst step's quantiles: those of a whole part would hide a bad moment."""
    low, high = (f"{end(step['requests'] for step in steps):,.0f}" for end in (min, max))
    worst = " | ".join(f"{max(step[key] for step in steps):.1f} ms" for key in ("p50", "p99", "p999"))
    requests = high if low == high else f"{low} to {high}"
    print(f"| {part.name} | {requests} | {worst} | {sum(step['failed'] for step in steps):.0f} |", flush=True)


if __name__ == "__main__":
    main()
