"""Run the benchmarks (all, or those named) and print their tables as Markdown."""

import importlib
import os
import platform
import sys
from datetime import UTC, datetime

<<<<<<< HEAD
ALL = ("overhead", "pull_request", "scale", "gate_study")
=======
ALL = ("overhead", "scale", "gate_study", "serving")
>>>>>>> 3b65a33b1275fff0c96a4f734356738689fb1134


def main() -> None:
    names = sys.argv[1:] or ALL
    unknown = sorted(set(names) - set(ALL))
    if unknown:
        sys.exit(f"error: no benchmark {unknown[0]}; there are: {', '.join(ALL)}")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.platform()}, {os.cpu_count()} cores\n", flush=True)
    for name in names:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
