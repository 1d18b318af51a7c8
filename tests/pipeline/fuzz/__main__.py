"""Run cases by their seeds: `python -m tests.pipeline.fuzz 0-1999 4711`; exit status 1 where one fails.

A line says what each command did that did not succeed; with `--show`, all that each command printed is shown.
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


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> None:
    """Import all commands once: each case is a fork of this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="+", type=_range, metavar="SEED|FIRST-LAST")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    project = sample.make()
    os.environ |= sample.ENVIRONMENT
    for module in [*LIBRARIES, *(entry[0].partition(":")[0] for entry in COMMANDS.values())]:
        importlib.import_module(module)
    failures = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=os.environ.get("FUZZ_FOLDER")) as folder:
        for seed in (seed for seeds in options.seeds for seed in seeds):
            result = cases.run(seed, project, Path(folder) / "project")
            failures += bool(result.problem)
            if result.problem or options.show:
                print(f"{result}: {result.problem or 'fine'}")
                print(result.printed if options.show else "\n".join(result.printed.splitlines()[-4:]), flush=True)
            elif result.errors:
                print(f"{result}: {result.errors[0]}", flush=True)
    print(f"{sum(map(len, options.seeds))} cases, {failures} failures")
    sys.exit(min(failures, 1))


if __name__ == "__main__":
    main()
