"""Time and peak memory of each stage as the sample grows, compared with the table's size in memory."""

import json
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.projects import BIN, ROOT, copy, timed

ROWS = (30_000, 300_000, 3_000_000)
TREES = 100
STAGES = ("ingest", "validate", "split", "train", "evaluate", "drift", "card")


def grow(rows: int, path: Path) -> float:
    """Write the sample, repeated with new keys, and return its size in memory in MB."""
    sample = pd.read_parquet(ROOT / "data/credit_default.parquet")
    table = pd.concat([sample] * (rows // len(sample)), ignore_index=True)
    table["client_id"] = range(1, len(table) + 1)
    table.to_parquet(path, index=False)
    return float(table.memory_usage(deep=True).sum()) / 2**20


def fix_trees(path: Path) -> None:
    """Fix the number of trees: with the same rows on both sides of the split, training never stops early."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("max_trees: 2000 ", f"max_trees: {TREES} "), encoding="utf-8")


def main() -> None:
    print("| rows | table in memory | " + " | ".join(STAGES) + " | sum | highest peak / table |")
    print("| --- " * (len(STAGES) + 4) + "|")
    for rows in ROWS:
        with tempfile.TemporaryDirectory() as name:
            folder = copy(Path(name) / "project")
            size = grow(rows, folder / "data/credit_default.parquet")
            fix_trees(folder / "params.yaml")
            timed([str(BIN / "pipeline"), "run"], folder)
            costs = [json.loads((folder / f".pipeline/costs/{stage}.json").read_text()) for stage in STAGES]
        cells = [f"{cost['seconds']:.1f} s, {cost['peak_memory_mb']:,.0f} MB" for cost in costs]
        peak = max(cost["peak_memory_mb"] for cost in costs)
        total = sum(cost["seconds"] for cost in costs)
        print(f"| {rows:,} | {size:,.0f} MB | {' | '.join(cells)} | {total:.0f} s | {peak / size:.1f} |", flush=True)
    print(flush=True)
