"""Golden rows: test rows in the form of a request, with the answers of the model that ships."""

import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.core import params, parquet
from pipeline.evaluation.scoring import Scored
from pipeline.features.code import FeatureCode
from pipeline.models import matrix, model
from pipeline.models.signature import Signature
from pipeline.review.baseline.champion import Champion
from pipeline.review.baseline.scored import ScoredBaseline, common
from pipeline.ship.release import locked_model
from pipeline.ship.service import answers as service_answers
from pipeline.train.stages import evaluate

MAX_CELLS = 1500  # of all golden rows together, which are in a label of the image


class Comparison(NamedTuple):
    """Agreement with the champion and shift against it, and the MD5 of its model; both empty without a champion."""

    expected: dict[str, float]
    against: str


NO_COMPARISON = Comparison({}, "")


def rows(
    signature: Signature, table: pd.DataFrame, scored: Scored, maximum: int, code: FeatureCode | None = None
) -> list[dict[str, Any]]:
    """Up to `maximum` rows, spread evenly over the scores, each with the part of its prediction that is expected.

    With feature code also with the values of its features, as training computes them.
    """
    count = min(maximum, max(1, MAX_CELLS // (len(signature.columns) + len(signature.derived))), len(scored))
    order = np.argsort(top_scores(scored), kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, count).round().astype(int))].tolist()
    requests = to_request_rows(signature, table.iloc[chosen])
    golden = [
        {"row": row, "expected": _expected(signature, scored, index)}
        for row, index in zip(requests, chosen, strict=True)
    ]
    if code is None or not golden:
        return golden
    features = service_answers.features(matrix.encode(table.iloc[chosen], signature, code), signature)
    return [row | {"features": values} for row, values in zip(golden, features, strict=True)]


def to_request_rows(signature: Signature, table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table in the form of a request: the model's columns, with values that JSON has."""
    kinds = signature.kinds
    columns = [[_value(value, kinds[name]) for value in table[name]] for name in signature.columns]
    return [dict(zip(signature.columns, values, strict=True)) for values in zip(*columns, strict=True)]


def top_scores(scored: Scored) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(rows,): the score that the service answers; for several classes that of the likeliest."""
    return np.asarray(scored.score.max(axis=1) if scored.score.ndim == 2 else scored.score, dtype=np.float64)


def compare(previous: Champion, baseline: ScoredBaseline, candidate: Scored) -> Comparison:
    """Agreement and shift of the candidate against the model before it on the test rows; nothing without that one."""
    if previous.hashes and baseline.state == "same":
        return Comparison({"agreement": 1.0, "shift": 0.0}, previous.model)
    if previous.hashes is None or baseline.scored is None:
        return NO_COMPARISON
    own, other = common(candidate, baseline.scored)
    if candidate.task == "regression":
        agreement = float(np.corrcoef(own.score, other.score)[0, 1])
    else:
        agreement = float((own.decisions() == other.decisions()).mean())
    shift = float(top_scores(own).mean() - top_scores(other).mean())
    if not np.isfinite(agreement):
        return NO_COMPARISON
    return Comparison({"agreement": round(agreement, 6), "shift": round(shift, 6)}, previous.model)


def below_floor(comparison: Comparison, floor: float) -> list[str]:
    """A warning where a deployment would roll the release back by `deploy.min_agreement`; none where it passes."""
    agreement = comparison.expected.get("agreement", 1.0)
    if agreement >= floor:
        return []
    return [
        f"warning: agreement with the model before it is {agreement:.3f} on the test rows, below deploy.min_agreement "
        f"({floor:g}): the canary will roll it back; lower that in params.yaml where the change is meant"
    ]


def answers(root: Path) -> tuple[Scored, pd.DataFrame]:
    """The scores that the model that ships gives the test rows, and these rows.

    reports/scores.parquet holds those of the measured model, which is another one where it was fitted again.
    """
    table = parquet.read(root / locked_model.TEST)
    knobs = params.section(params.Evaluate, root / params.PATH)
    return evaluate.score(model.load(root / locked_model.MODELS), table, knobs), table


def _value(value: Any, kind: str) -> Any:
    if pd.isna(value):
        return None
    if kind == "boolean":
        return bool(value)
    if kind == "number":
        number = float(value)
        return int(number) if number.is_integer() else number
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def _expected(signature: Signature, scored: Scored, index: int) -> dict[str, Any]:
    if scored.task == "regression":
        return {"score": float(scored.score[index])}
    label = signature.classes[int(scored.decisions()[index])]
    if scored.task == "binary":
        return {"score": float(scored.score[index]), "label": label}
    probabilities = dict(zip(signature.classes, scored.score[index].tolist(), strict=True))
    return {"score": max(probabilities.values()), "label": label, "probabilities": probabilities}
