"""How often gate and monitor err on several tables of each task: on another seed, and what loss they find.

`make bench` prints the tables. A trial of the gate draws test rows that no model has seen and two models of
other seeds. The candidate is the one as it is, or with noise that costs it a known loss. A trial of the monitor draws
test rows and other rows as a window's, both scored by the same model.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.gate_tables import TABLES, Models, models
from pipeline.core.params import Gate, GateSlices, Tolerance, tolerance
from pipeline.core.tasks import LOSSES, higher_is_better, in_production, label
from pipeline.evaluation import point
from pipeline.evaluation.scoring import Scored
from pipeline.evaluation.tolerance import allowed, constant
from pipeline.review.gate import no_regression, slice_rules
from pipeline.watch.monitor.performance import Performance

SEEDS, TRIALS, SLICED, POWERED = 8, 200, 60, 30  # models; trials of another seed, with slices, and of each loss
ROWS, WINDOW, TESTED = (1_000, 4_000), 500, 4_000
MULTIPLES = (2, 4, 8, 16, 32)  # of the tolerance: the losses that are tried
FALSE_ALARMS = 0.01
POWER = 0.8


def gate_of(metric: str) -> Gate:
    return Gate(
        primary=metric,
        tolerance=tolerance.GATE,
        confidence=0.95,
        bootstrap=200,
        seed=0,
        floors={},
        slices=GateSlices(tolerance=tolerance.SLICES, min_rows=200),
        fairness=None,
        drift_share=None,
        reference=None,
    )


def trial(found: Models, gate: Gate, rows: int, strength: float, seed: int) -> tuple[str, bool]:
    """The primary metric's verdict, and whether a slice fails; with noise of this strength the former alone."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(found.scored[0]), rows, replace=False)
    first, second = rng.choice(len(found.scored), 2, replace=False)
    candidate = noisy(found.scored[first], strength, seed).rows(chosen)
    champion, gate = found.scored[second].rows(chosen), gate.model_copy(update={"seed": seed})
    judged = no_regression.rule("regression", "main", candidate, champion, gate)
    if strength or seed >= SLICED:
        return judged.verdict, False
    return judged.verdict, any(rule.verdict == "fail" for rule in slice_rules.rules("main", candidate, champion, gate))


def window(found: Models, metric: str, rows: int, strength: float, seed: int) -> bool:
    """Whether the monitor's performance signal is beyond its bound in a window of these rows."""
    rng = np.random.default_rng(seed)
    order, scored = rng.permutation(len(found.scored[0])), found.scored[rng.integers(len(found.scored))]
    judge = Performance(scored.rows(order[:TESTED]), found.signature, metric, 200, FALSE_ALARMS)
    seen = noisy(scored, strength, seed).rows(order[TESTED : TESTED + rows])
    answers, truth = logged(seen)
    if judge.not_judged(answers, truth):
        return False
    loss = judge.loss(answers, truth)
    return loss is not None and loss.lower_limit > judge.tolerated(tolerance.MONITOR).value


def logged(scored: Scored) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """The rows as the log and the labels hold them."""
    if scored.task == "regression":
        return pd.DataFrame({"score": scored.score}), pd.Series(scored.target)
    classes = np.array(scored.classes, dtype=object)
    score = scored.score if scored.score.ndim == 1 else scored.score.max(axis=1)
    answers = pd.DataFrame({"score": score, "label": classes[scored.decisions()]})
    return answers, pd.Series(classes[scored.target.astype(int)])


def noisy(scored: Scored, strength: float, seed: int) -> Scored:
    """The scores with noise: on the (log) odds of probabilities, on the log of positive means, else on the values."""
    if not strength:
        return scored
    noise = strength * np.random.default_rng(10_000 + seed).normal(size=scored.score.shape)
    if scored.deviance:
        return replace(scored, score=scored.score * np.exp(noise))
    if scored.task == "regression":
        return replace(scored, score=scored.score + noise * np.std(scored.target))
    clipped = np.clip(scored.score, 1e-6, 1 - 1e-6)
    if scored.task == "multiclass":
        raw = clipped * np.exp(noise)
        return replace(scored, score=raw / raw.sum(axis=1, keepdims=True))
    return replace(scored, score=1 / (1 + np.exp(-(np.log(clipped / (1 - clipped)) + noise))))


def strength_of(scored: Scored, metric: str, loss: float) -> float:
    """The noise that makes the metric worse by `loss` on all rows."""
    sign = 1 if higher_is_better(metric) else -1

    def lost(strength: float) -> float:
        before, after = (point.figures(noisy(scored, s, 0), [metric])[metric] for s in (0.0, strength))
        return sign * (before - after)

    low, high = 0.0, 8.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if lost(middle) < loss else (low, middle)
    return low


def found_in_most(share_at: Callable[[float], float], tolerated: float) -> float:
    """The loss that is found in 80 % of the trials, between those that are tried; NaN where none is."""
    before = (tolerated, 0.0)
    for multiple in MULTIPLES:
        loss = multiple * tolerated
        share = share_at(loss)
        if share >= POWER:
            (lower, less), (upper, more) = before, (loss, share)
            return lower + (upper - lower) * (POWER - less) / (more - less)
        before = (loss, share)
    return float("nan")


def limit(scored: Scored, metric: str, tolerated: Tolerance) -> float:
    return allowed(tolerated, metric, scored, constant(scored, metric)).value


def shown(scored: Scored, metric: str, loss: float) -> str:
    """A loss as a share of the model's; of a score, and of R², in its own unit."""
    if not np.isfinite(loss):
        return "none that was tried"
    in_shares = metric in LOSSES and metric != "r2"
    return f"{100 * loss / point.loss(scored, metric):.1f} %" if in_shares else f"{loss:.3f}"


def gate_rows(pool: ProcessPoolExecutor, name: str, found: Models, metric: str) -> Iterator[str]:
    """A row of the gate's table for each number of test rows."""
    gate, first = gate_of(metric), found.scored[0]
    tolerated = limit(first, metric, gate.tolerance)
    for rows in ROWS:
        outcomes = list(pool.map(partial(trial, found, gate, rows, 0.0), range(TRIALS), chunksize=10))
        marks = [mark for mark, _ in outcomes]

        def share_at(loss: float, rows: int = rows) -> float:
            strength = strength_of(first, metric, loss)
            tried = pool.map(partial(trial, found, gate, rows, strength), range(POWERED), chunksize=10)
            return sum(mark == "fail" for mark, _ in tried) / POWERED

        detected = found_in_most(share_at, tolerated)
        cells = (
            name,
            first.task,
            label(metric),
            f"{rows:,}",
            shown(first, metric, tolerated),
            *(f"{100 * marks.count(mark) / TRIALS:.1f} %" for mark in ("fail", "warn")),
            f"{100 * sum(slice_fails for _, slice_fails in outcomes) / SLICED:.1f} %",
            shown(first, metric, detected),
        )
        yield f"| {' | '.join(cells)} |"


def monitor_row(pool: ProcessPoolExecutor, name: str, found: Models, metric: str) -> str:
    """A row of the monitor's table."""
    metric, first = in_production(found.signature.task, metric), found.scored[0]
    tolerated = limit(first, metric, tolerance.MONITOR)
    beyond = sum(pool.map(partial(window, found, metric, WINDOW, 0.0), range(TRIALS), chunksize=10))

    def share_at(loss: float) -> float:
        strength = strength_of(first, metric, loss)
        return sum(pool.map(partial(window, found, metric, WINDOW, strength), range(POWERED), chunksize=10)) / POWERED

    detected = found_in_most(share_at, tolerated)
    cells = (
        name,
        first.task,
        label(metric),
        shown(first, metric, tolerated),
        f"{100 * beyond / TRIALS:.1f} %",
        shown(first, metric, detected),
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print both tables."""
    gate, monitor = list[str](), list[str]()
    with ProcessPoolExecutor(mp_context=get_context("forkserver")) as pool:
        for table in TABLES:
            found = models(table, SEEDS)
            for metric in table.metrics:
                for line in gate_rows(pool, table.name, found, metric):
                    gate.append(line)
                    sys.stderr.write(line + "\n")
                monitor.append(monitor_row(pool, table.name, found, metric))
                sys.stderr.write(monitor[-1] + "\n")
    print(f"The gate, {TRIALS} trials of another seed and {POWERED} of each loss.\n")
    print(
        "| table | task | primary metric | test rows | tolerated | another seed: fails | warns | a slice fails |"
        " found in 80 % |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    print("\n".join(gate))
    print(f"\nThe monitor's performance signal, windows of {WINDOW} labelled rows against {TESTED:,} test rows.\n")
    print(
        "| table | task | metric | tolerated | beyond without a loss | found in 80 % |\n"
        "| --- | --- | --- | ---: | ---: | ---: |"
    )
    print("\n".join(dict.fromkeys(monitor)))


if __name__ == "__main__":
    main()
