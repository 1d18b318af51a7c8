"""Small scored tables for the gate's tests."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.params import Evaluate, Gate, GateFairness, GateSlices, Tolerance
from pipeline.evaluation.scoring import Scored
from pipeline.review.baseline.scored import ScoredBaseline
from pipeline.review.gate.verdict import Kind, Rule, Verdict

Array = np.ndarray[Any, Any]
CLEAN: dict[str, Any] = {"violations": []}
NO_CHAMPION = ScoredBaseline("main", "none", reason="main has no dvc.lock yet")


def gate(**changes: Any) -> Gate:
    """Bounds that only ask for no regression; name what a test is about."""
    default: dict[str, Any] = {
        "primary": "roc_auc",
        "tolerance": {"score": 0.005, "of_loss": 0.02},
        "confidence": 0.95,
        "bootstrap": 200,
        "seed": 0,
        "floors": {},
        "slices": None,
        "fairness": None,
        "drift_share": None,
        "reference": None,
    }
    return Gate(**{**default, **changes})


def evaluate(*columns: str) -> Evaluate:
    """Main's groups: these columns, as slices and as sensitive ones."""
    return Evaluate(
        bootstrap=100,
        confidence=0.95,
        slices=columns,
        slice_bins=4,
        sensitive=columns,
        calibration_bins=10,
        shap_rows=100,
        seed=0,
    )


def slices(tolerance: float = 0.03, min_rows: int = 100) -> GateSlices:
    return GateSlices(tolerance=Tolerance(score=tolerance, of_loss=4 * tolerance), min_rows=min_rows)


def fairness(**changes: Any) -> GateFairness:
    default: dict[str, Any] = {
        "min_positives": 20,
        "min_negatives": 20,
        "disparate_impact": 0.5,
        "equal_opportunity_difference": 0.15,
        "equalized_odds_difference": 0.15,
    }
    return GateFairness(**{**default, **changes})


def binary(rows: int = 1000, strength: float = 1.5, seed: int = 0, groups: tuple[str, ...] = ("a", "b")) -> Scored:
    """Rows with a third positives, a score that follows the target by `strength`, and a column of groups in turn."""
    rng = np.random.default_rng(seed)
    target = np.random.default_rng(rows).permutation(np.arange(rows) % 3 == 0).astype(float)  # the same for every seed
    score = 1 / (1 + np.exp(-(strength * (target - 0.5) + rng.normal(size=rows))))
    column = pd.DataFrame({"group": np.resize(np.array(groups, object), rows)})
    keys = np.array([f"k{index:06}" for index in range(rows)])
    return Scored("binary", target, score, keys, ("0", "1"), 0.5, slices=column, sensitive=column)


def with_score(scored: Scored, score: Array) -> Scored:
    from dataclasses import replace

    return replace(scored, score=score)


def main(scored: Scored) -> ScoredBaseline:
    return ScoredBaseline("main", "scored", scored)


def rule(verdict: Verdict, kind: Kind, **subject: str) -> Rule:
    """The one rule of that kind and subject (any part of it)."""
    (match,) = [item for item in rules(verdict, kind) if subject.items() <= asdict(item.subject).items()]
    return match


def rules(verdict: Verdict, *kinds: Kind) -> list[Rule]:
    """The rules of these kinds."""
    return [item for item in verdict.rules if item.kind in kinds]
