"""The `pipeline` command, for whom waiting for a runner is free: what `announce` sleeps has passed at once.

Where STANDIN_HASTE is set it draws no drift report for people either: each takes seconds, and one story looks at it.
"""

import contextlib
import importlib
import os
import sys
import time


class Clock:
    """What `announce` needs of `time`."""

    slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def monotonic(self) -> float:
        return time.monotonic() + self.slept


if __name__ == "__main__":
    if os.environ.get("STANDIN_HASTE") and {"drift", "--html"} <= set(sys.argv):
        sys.exit()
    from pipeline.cli import main

    if "announce" in sys.argv:
        with contextlib.suppress(ImportError):  # the pipeline that only says its call
            importlib.import_module("pipeline.github.pull_request.announce").time = Clock()  # type: ignore[attr-defined]
    sys.argv[0] = "pipeline"
    main()
