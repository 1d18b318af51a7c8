"""The `pipeline` command, without the time that `announce` waits for a runner: its sleeps pass at once.

Where STANDIN_HASTE is set it draws no report of Evidently's either: each takes seconds, and one test of a workflow that
draws them is enough.
"""

import contextlib
import importlib
import os
import sys
import time


class Clock:
    """The part of `time` that `announce` uses."""

    slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def monotonic(self) -> float:
        return time.monotonic() + self.slept


if __name__ == "__main__":
    if os.environ.get("STANDIN_HASTE") and "--html" in sys.argv:
        if "drift" in sys.argv:  # it is called for its report alone
            sys.exit()
        place = sys.argv.index("--html")
        del sys.argv[place : place + 2]
    from pipeline.cli import main

    if "announce" in sys.argv:
        with contextlib.suppress(ImportError):  # the stub of test_jobs.py
            importlib.import_module("pipeline.github.pull_request.announce").time = Clock()  # type: ignore[attr-defined]
    sys.argv[0] = "pipeline"
    main()
