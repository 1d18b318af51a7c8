"""The overhead of DVC and of separate processes: a cold run against one plain script, and a run with nothing to do."""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.projects import BIN, ROOT, copy, median, timed

RUNS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stages = [str(BIN / "pipeline"), "run"]
        plain = [sys.executable, str(ROOT / "benchmarks/plain.py")]
        cold, script = [], []
        for run in range(RUNS):
            cold.append(timed(stages, copy(folder / f"cold{run}")))
            project = copy(folder / f"plain{run}")
            shutil.copy(ROOT / "dvc.lock", project)  # the gate judges outputs that a lock names
            script.append(timed(plain, project))
    timed(["make", "run"], ROOT)  # so that nothing is left to do
    idle, bare = median(["make", "run"], ROOT, 5), median([str(BIN / "dvc"), "repro"], ROOT, 5)
    pairs = [
        ("cold `pipeline run`", sorted(cold)[RUNS // 2], "the same work in one script", sorted(script)[RUNS // 2], 1.5),
        ("`make run`, nothing changed", idle, "bare `dvc repro`, nothing changed", bare, 1.3),
    ]
    print("| case | seconds | against | seconds | ratio | target |\n| --- | --- | --- | --- | --- | --- |")
    for case, seconds, baseline, baseline_seconds, target in pairs:
        ratio = seconds / baseline_seconds
        print(f"| {case} | {seconds:.1f} | {baseline} | {baseline_seconds:.1f} | {ratio:.2f} | ≤ {target} |")
    print(flush=True)
