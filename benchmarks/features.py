"""What six features in code cost: the service with them beside the service without, and training over a table."""

import gc
import json
import os
import resource
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmarks import serving
from benchmarks.projects import BIN, with_features
from benchmarks.serving import BATCH, CONNECTIONS, ROUNDS, SECONDS
from pipeline.features import in_tables
from pipeline.models import model

SIX = """
import numpy as np


def utilisation(bill_amount_sep, credit_limit):
    return bill_amount_sep / np.maximum(credit_limit, 1)


def utilisation_before(bill_amount_aug, credit_limit):
    return bill_amount_aug / np.maximum(credit_limit, 1)


def paid_share(paid_amount_sep, bill_amount_aug):
    return np.where(bill_amount_aug > 0, paid_amount_sep / np.maximum(bill_amount_aug, 1), np.nan)


def rising(utilisation, utilisation_before):
    return utilisation - utilisation_before


def limit_against_peers(credit_limit, education, state):
    return credit_limit / state["means"].lookup(education, default=state["mean"])


def fit_limit_against_peers(credit_limit, education):
    means = {level: credit_limit[education == level].mean() for level in set(education)}
    return {"mean": credit_limit.mean(), "means": means}


def arrears(repayment_status_sep, repayment_status_aug):
    return np.where(repayment_status_sep > np.maximum(repayment_status_aug, 0), "growing", "not growing")
"""
TABLE_ROWS = 1_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        roots = {
            "without features": with_features(folder / "without", ""),
            "with six features": with_features(folder / "with", SIX),
        }
        rounds: dict[str, list[dict[str, float]]] = {case: [] for case in roots}
        for round_ in range(ROUNDS):
            for case, root in roots.items():
                home = folder / f"{round_}-{case.partition(' ')[0]}"
                home.mkdir()
                rounds[case].append(_measure(root, home))
        _show(rounds)
        _in_a_table(roots["with six features"])


def _measure(root: Path, home: Path) -> dict[str, float]:
    table, _ = serving.sample(root)
    command = [str(BIN / "pipeline"), "serve", "--host", "127.0.0.1", "--port"]
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return serving.measure(command, "/predict", "/readyz", root, lambda count: {"rows": rows[:count]}, home)


def _show(rounds: dict[str, list[dict[str, float]]]) -> None:
    print(f"Medians of {ROUNDS} rounds of {SECONDS} s, {CONNECTIONS} connections; load now {os.getloadavg()[0]:.1f}.\n")
    print(
        "| service | requests/s | CPU each | p99 at half load | rows/s, batches of 100 | CPU each |\n"
        + "| --- " * 6
        + "|"
    )
    figures = {case: {key: median(turn[key] for turn in turns) for key in turns[0]} for case, turns in rounds.items()}
    for case, one in figures.items():
        batches = f"{one[f'requests{BATCH}'] * BATCH:,.0f} | {one[f'cpu{BATCH}']:.3f} ms"
        print(f"| {case} | {one['requests1']:,.0f} | {one['cpu1']:.3f} ms | {one['p99_half']:.1f} ms | {batches} |")
    without, with_six = figures.values()
    for rows, name in ((1, "single rows"), (BATCH, f"batches of {BATCH}")):
        lost = 1 - with_six[f"requests{rows}"] / without[f"requests{rows}"]
        cpu = with_six[f"cpu{rows}"] / without[f"cpu{rows}"] - 1
        print(f"\nSix features take {lost:.1%} of the throughput of {name}, and {cpu:+.1%} CPU.")


def _in_a_table(root: Path) -> None:
    """The cost of the values in a table of a million rows, computed by batch as training does."""
    code = model.load(root / "models").code
    assert code
    rows = pd.read_parquet(root / "data/split/train.parquet")
    table = pd.concat([rows] * (TABLE_ROWS // len(rows) + 1), ignore_index=True).iloc[:TABLE_ROWS]
    gc.collect()
    size, before = table.memory_usage(deep=True).sum() / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    start = time.process_time()
    count = sum(len(values) for _, values in in_tables.batches(table, code))
    seconds, peak = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    assert count
    per_value = 1e6 * seconds / (len(table) * len(code.features))
    print(
        f"\nIn a table of {len(table):,} rows ({size:,.0f} MB): {per_value:.3f} µs a row and feature; the peak of the "
        f"process's memory rose by {peak - before:,.0f} MB.\n"
    )


if __name__ == "__main__":
    main()
