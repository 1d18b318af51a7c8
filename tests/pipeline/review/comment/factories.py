"""Small bundles as a run leaves them, for each task, and the verdict on them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.params import Gate
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.comment.facts import Context
from pipeline.review.gate.judge import judge
from pipeline.review.gate.verdict import Rule, Verdict
from pipeline.review.measure.measurement import Bundle, Measurement
from tests.pipeline.review.gate.scored_tables import fairness, gate, slices

ROWS = 2000
HEAD, BASE = "a1" * 20, "b2" * 20
CLASSES = ("low", "mid", "high")
GATES: dict[str, dict[str, Any]] = {
    "binary": {"primary": "roc_auc", "floors": {"roc_auc": 0.7}, "fairness": fairness()},
    "multiclass": {"primary": "macro_f1", "floors": {"macro_f1": 0.4}},
    "regression": {"primary": "rmse", "floors": {"r2": 0.1}},
}
FEATURES = ("income", "age", "town", "member", "since")
STAGES = {"ingest": [], "validate": ["ingest"], "split": ["validate"], "train": ["split"], "evaluate": ["train"]}


def bounds(task: str = "binary") -> Gate:
    return gate(**{"slices": slices(0.05, 50), **GATES[task]})


def scored(
    task: str = "binary", strength: float = 1.5, seed: int = 0, names: tuple[str, ...] = ("Oslo", "Bergen")
) -> Scored:
    """Test rows whose target does not depend on the seed, and scores that follow it by `strength`."""
    target_rng, rng = np.random.default_rng(7), np.random.default_rng(seed + 1)
    signal = target_rng.normal(size=ROWS)
    observed = strength * signal + rng.normal(size=ROWS)
    town = pd.DataFrame({"town": target_rng.choice(np.array(names, object), ROWS)})
    columns: dict[str, Any] = {"keys": np.array([f"k{n:05}" for n in range(ROWS)]), "slices": town, "sensitive": town}
    if task == "regression":
        return Scored("regression", signal * 10, observed * 10 / strength, **columns)
    if task == "multiclass":
        target = np.digitize(signal, [-0.5, 0.5]).astype(float)
        raw = np.exp(-((observed[:, None] / strength - np.array([-1.0, 0.0, 1.0])) ** 2))
        return Scored("multiclass", target, raw / raw.sum(axis=1, keepdims=True), classes=CLASSES, **columns)
    target = (signal > 0.7).astype(float)
    return Scored("binary", target, 1 / (1 + np.exp(-(observed - 1))), classes=("no", "yes"), threshold=0.4, **columns)


def measured(**changes: Any) -> Measurement:
    stages = [
        {"name": name, "needs": needs, "state": "ran", "seconds": 1.5, "peak_memory_mb": 210.0, "rows": ROWS}
        for name, needs in STAGES.items()
    ]
    default: dict[str, Any] = {
        "head": HEAD,
        "base": "origin/main",
        "base_commit": BASE,
        "outcome": "measured",
        "seconds": 21.5,
        "stages": stages,
        "champion": {"state": "scored", "name": "origin/main"},
        "champion_gains": [{"feature": name, "gain": 10.0 + index} for index, name in enumerate(FEATURES)],
        "features_main": [*FEATURES[1:], "height"],
        "data": {
            "rows_main": 9900,
            "rows_here": 10_000,
            "added": 120,
            "removed": 20,
            "changed": 7,
            "columns": [{"name": "income", "main": None, "here": "number"}],
            "categories": [
                {"column": "town", "added": ["Tromsø"], "removed": [], "added_count": 1, "removed_count": 0}
            ],
        },
        "environment": {"python": "3.11.9", "lightgbm": "4.7.0", "platform": "linux-x86_64"},
    }
    return Measurement.model_validate({**default, **changes})


def files(task: str, features: tuple[str, ...] = FEATURES) -> dict[str, Any]:
    """The JSON files of a bundle."""
    columns = [
        {"column": name, "test": "Wasserstein distance (normed)", "score": 0.03 * n, "threshold": 0.1, "drifted": n > 3}
        for n, name in enumerate(features)
    ]
    drift = {"columns": columns, "drifted_columns": 1, "share": 0.2, "bound": 0.5, "drifted": False, "skipped": []}
    estimate = {"value": 0.8, "lower": 0.7, "upper": 0.9}
    metric = GATES[task]["primary"]
    return {
        "metrics.json": {"rows": ROWS, metric: estimate},
        "slices.json": [{"column": "town", "value": "Oslo", "rows": 990, "metrics": {metric: estimate}}],
        "fairness.json": {"town": {"groups": [], "mae_difference": estimate}},
        "importance.json": [{"feature": name, "gain": 0.3 / (n + 1), "shap": 0.1} for n, name in enumerate(features)],
        "drift.json": drift,
        "drift_main.json": drift,
        "training.json": {"device": "cpu", "platform": "linux-x86_64", "rows": {"train": 6000, "validation": 2000}},
        "signature.json": {"features": [{"name": name} for name in features]},
        "data_quality.json": {"violations": []},
    }


def bundle(folder: Path, task: str = "binary", champion: Scored | None = None, **changes: Any) -> Bundle:
    """A measured bundle of the task; `changes` are those of the measurement."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files(task).items():
        (folder / name).write_text(json.dumps(content))
    (folder / "params.yaml").write_text("train:\n  learning_rate: 0.5\n  trees: 100\ngate:\n  tolerance: 0.005\n")
    (folder / "model_card.md").write_text("# Model card: Test\n\nLightGBM predicts <code>out\\_come</code>.\n")
    (folder / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    scoring.write(folder / "scores.parquet", scored(task))
    if champion is not None:
        scoring.write(folder / "champion.parquet", champion)
    return Bundle(folder, measured(**changes))


def context(**changes: Any) -> Context:
    default: dict[str, Any] = {
        "main_params": {
            "train": {"learning_rate": 0.05, "trees": 100},
            "gate": {"tolerance": 0.005, "confidence": 0.95},
        },
        "pull_request": 7,
        "run_url": "https://github.com/team/model/actions/runs/42",
        "artifacts": {"reports": "https://github.com/team/model/actions/runs/42/artifacts/1"},
        "repository": "team/model",
    }
    return Context(**{**default, **changes})


def verdict(
    task: str = "binary", champion: Scored | None = None, state: Any = "scored", candidate: Scored | None = None
) -> Verdict:
    """The gate's own verdict on the scores of `scored(task)` against the champion's."""
    baseline = (
        ScoredBaseline("origin/main", "scored", champion)
        if champion
        else ScoredBaseline("origin/main", "none", reason="origin/main has no dvc.lock yet")
    )
    return judge(candidate or scored(task), baseline, None, bounds(task), {"violations": []}, None)


def failed() -> Verdict:
    return Verdict("fail", 0, 0, "", (Rule("stages", "fail", "stage train failed"),))


def unchanged() -> Verdict:
    return Verdict("pass", 0, 0, "origin/main", (Rule("champion", "pass", "same model as main: no change"),))
