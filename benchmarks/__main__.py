"""Run the benchmarks (all, or those named) and print their tables as Markdown."""

import importlib
import os
import platform
import sys
from datetime import UTC, datetime

ALL = (
    *("overhead", "pull_request", "scale", "gate_study", "gate_tasks", "leak_finder"),
    *("serving", "features", "day", "soak", "monitor_log", "drift_alarms", "monitor_in_time", "closed_loop"),
    "canary_errors",
)


def main() -> None:
    names = sys.argv[1:] or ALL
    unknown = sorted(set(names) - set(ALL))
    if unknown:
        sys.exit(f"error: no benchmark {unknown[0]}; allowed: {', '.join(ALL)}")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.platform()}, {os.cpu_count()} cores\n", flush=True)
    for name in names:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
