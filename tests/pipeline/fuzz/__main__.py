"""Run cases by their seeds: `python -m tests.pipeline.fuzz FIRST COUNT`; exit status 1 where one fails.

Each failure is printed with its seed; `python -m tests.pipeline.fuzz SEED 1 --show` prints all that the command did.
"""

import argparse
import importlib
import os
import sys
import tempfile
from pathlib import Path

from pipeline.cli import COMMANDS
from tests.pipeline.fuzz import cases, sample

LIBRARIES = ("evidently", "lightgbm", "dvc.repo", "dvc.repo.reproduce", "optuna", "mlflow", "pyarrow.parquet")


def main() -> None:
    """Import all commands once: each case is a fork of this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    project = sample.make()
    for module in [*LIBRARIES, *(entry[0].partition(":")[0] for entry in COMMANDS.values())]:
        importlib.import_module(module)
    failures = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=os.environ.get("FUZZ_FOLDER")) as folder:
        for seed in range(options.first, options.first + options.count):
            result = cases.run(seed, project, Path(folder) / "project")
            failures += bool(result.problem)
            if result.problem or options.show:
                print(f"{result}: {result.problem or 'fine'}")
                print(result.printed if options.show else "\n".join(result.printed.splitlines()[-4:]), flush=True)
            elif result.errors:
                print(f"{result}: {result.errors[0]}", flush=True)
    print(f"{options.count} cases, {failures} failures")
    sys.exit(min(failures, 1))


if __name__ == "__main__":
    main()
