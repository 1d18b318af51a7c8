"""How often the gate errs on the sample: on models that differ only in their seed, degraded ones, and worse slices.

`make bench` prints the table. Each trial draws its own 6,000 test rows from 12,000 that no
model has seen, and its own two models: the verdicts vary with the test set and the seeds.
"""

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import params
from pipeline.core.params import Gate, Params
from pipeline.evaluation import slices
from pipeline.evaluation.metrics import compute
from pipeline.evaluation.scoring import Scored
from pipeline.models import training
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.gate.judge import judge
from pipeline.review.gate.verdict import Kind, Verdict

ROOT = Path(__file__).parents[1]
TRAINED, STOPPED, DRAWN = 15_000, 3_000, 6_000  # rows for training, for early stopping, and of each trial's test set
LOSSES = (0.005, 0.01, 0.015, 0.02, 0.03)
SLICE, SLICE_LOSSES = ("education", "high_school"), (0.1, 0.15)
BETTER = 0.5  # log odds by which all other rows move towards their target
QUALITY: dict[str, Any] = {"violations": []}  # the sample meets its contract

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Study:
    """Models with different seeds, each as its scores of the same unseen rows, and the gate's parameters."""

    models: list[Scored]
    gate: Gate


@dataclass(frozen=True)
class Degraded:
    """Noise on the log odds that costs `loss` of the ROC AUC on all unseen rows, or on those of one slice alone.

    With a slice, the other rows improve: their log odds move towards their target.
    """

    loss: float
    slice: tuple[str, str] | None = None

    def __call__(self, scored: Scored, seed: int) -> Scored:
        score, degraded = scored.score.copy(), np.arange(len(scored))
        if self.slice is not None:
            degraded = np.flatnonzero(scored.slices[self.slice[0]] == self.slice[1])
            score = _probability(_log_odds(score) + BETTER * (scored.target - 0.5))
        score[degraded] = _noisy(scored.target[degraded], scored.score[degraded], self.loss, seed)
        return replace(scored, score=score)


def prepare(models: int, root: Path = ROOT) -> Study:
    """Train the models on the sample with the parameters of params.yaml, all on the same rows."""
    parameters = params.read(root / "params.yaml")
    table = pd.read_parquet(root / "data/credit_default.parquet").sample(frac=1, random_state=0)
    train, stop = table[:TRAINED], table[TRAINED : TRAINED + STOPPED]
    pool = table[TRAINED + STOPPED :].reset_index(drop=True)
    evaluate, bins = parameters.evaluate, parameters.evaluate.slice_bins
    slice_labels = slices.labels(pool, evaluate.slices, bins, "evaluate.slices")
    groups = slices.labels(pool, evaluate.sensitive, bins, "evaluate.sensitive")
    scores = [_train(train, stop, pool, parameters, seed) for seed in range(models)]
    scored = [
        Scored(
            "binary",
            pool["default_next_month"].to_numpy(float),
            score,
            pool["client_id"].to_numpy().astype(str),
            ("0", "1"),
            threshold,
            slices=slice_labels,
            sensitive=groups,
        )
        for score, threshold in scores
    ]
    return Study(scored, parameters.gate)


def _train(
    train: pd.DataFrame, stop: pd.DataFrame, pool: pd.DataFrame, parameters: Params, seed: int
) -> tuple[Array, float | None]:
    from pipeline.models import matrix

    train_params = parameters.train.model_copy(update={"seed": seed})
    settings = training.Settings(parameters.data, parameters.task, parameters.features, parameters.split, train_params)
    ready = training.prepare(train, stop, settings)
    fitted = training.fit(ready, train_params)
    signature = training.with_threshold(ready, fitted, parameters.task)
    rows = matrix.encode(pool, signature)
    return np.round(fitted.booster.predict(rows, num_iteration=fitted.best_iteration), 9), signature.threshold


def trials(study: Study, count: int, change: Degraded | None = None) -> list[Verdict]:
    """`count` verdicts on a candidate (changed by `change`) against a champion of another seed."""
    with ProcessPoolExecutor(mp_context=get_context("forkserver")) as pool:
        return list(pool.map(partial(_trial, study, change), range(count), chunksize=10))


def _trial(study: Study, change: Degraded | None, seed: int) -> Verdict:
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(study.models[0]), DRAWN, replace=False)
    first, second = rng.choice(len(study.models), 2, replace=False)
    candidate, champion = study.models[first], study.models[second]
    changed = candidate if change is None else change(candidate, seed)
    baseline = ScoredBaseline("main", "scored", champion.rows(rows))
    gate = study.gate.model_copy(update={"seed": seed})
    return judge(changed.rows(rows), baseline, None, gate, QUALITY, inform=False)


def _noisy(target: Array, score: Array, loss: float, seed: int) -> Array:
    noise = np.random.default_rng(10_000 + seed).normal(size=len(target))
    odds, low, high = _log_odds(score), 0.0, 8.0
    goal = auc(target, odds) - loss
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if auc(target, odds + middle * noise) > goal else (low, middle)
    return _probability(odds + low * noise)


def auc(target: Array, score: Array) -> float:
    """ROC AUC of all rows."""
    return float(compute("binary", ["roc_auc"], target, score, np.ones((1, len(target)), np.uint8))["roc_auc"][0])


def outcomes(verdicts: list[Verdict]) -> Counter[str]:
    """The number of each verdict."""
    return Counter(verdict.verdict for verdict in verdicts)


def rule_outcomes(verdicts: list[Verdict], kind: Kind, value: str | None = None) -> Counter[str]:
    """The number of each outcome of one rule; `value` names its slice."""
    rules = [rule for verdict in verdicts for rule in verdict.rules if rule.kind == kind]
    return Counter(rule.verdict for rule in rules if rule.subject.value == value)


def failed_rules(verdicts: list[Verdict]) -> Counter[str]:
    """The number of failures of each rule."""
    return Counter(rule.title for verdict in verdicts for rule in verdict.rules if rule.verdict == "fail")


def _log_odds(score: Array) -> Array:
    clipped = np.clip(score, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _probability(odds: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-odds)))


def report(study: Study, count: int) -> list[str]:
    """The table: for each kind of candidate, how often the gate passed, warned and failed, and which rules failed."""
    cases: list[tuple[str, Degraded | None]] = [("another seed, nothing else", None)]
    cases += [(f"{study.gate.primary} worse by {loss:g}", Degraded(loss)) for loss in LOSSES]
    cases += [(f"better, but {'='.join(SLICE)} worse by {loss:g}", Degraded(loss, SLICE)) for loss in SLICE_LOSSES]
    lines = [
        f"| candidate ({count} trials each) | pass | warn | fail | fails by the primary metric | rules that failed |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, change in cases:
        verdicts = trials(study, count, change)
        overall, primary = outcomes(verdicts), rule_outcomes(verdicts, "regression")
        shares = [f"{100 * overall[mark] / count:.1f} %" for mark in ("pass", "warn", "fail")]
        rules = ", ".join(f"{rule} {times}" for rule, times in failed_rules(verdicts).most_common(4)) or "none"
        lines.append(f"| {name} | {' | '.join(shares)} | {100 * primary['fail'] / count:.1f} % | {rules} |")
        sys.stderr.write(lines[-1] + "\n")
    return lines


def main() -> None:
    """Print the table."""
    print("\n".join(report(prepare(models=30), count=200)) + "\n", flush=True)
