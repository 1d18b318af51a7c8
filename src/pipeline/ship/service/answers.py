"""Scores into answers: label at the threshold, class probabilities, flags."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.models.signature import Signature
from pipeline.predictions.line import Flags, Prediction
from pipeline.ship.service.booster import Matrix

DECIMALS = 9  # as models/model.py rounds
SCALE = 10.0**DECIMALS


def predictions(scores: Matrix, known: Signature, request_id: str, flags: dict[int, Flags]) -> list[Prediction]:
    """The answer for each row of LightGBM's scores, (rows, classes) or (rows, 1)."""
    units = np.rint(scores * SCALE)  # units / SCALE is scores.round(DECIMALS), in half of its time for a single row
    names = [f"{request_id}-{at}" for at in range(len(units))]
    if known.task == "multiclass":
        made = _multiclass(units / SCALE, known.classes, names)
    elif known.task == "binary":
        made = _binary(units, known, names)
    else:
        made = [Prediction(name, value) for name, (value,) in zip(names, (units / SCALE).tolist(), strict=True)]
    for at, found in flags.items():
        made[at].flags = found
    return made


def _binary(units: Matrix, known: Signature, names: Sequence[str]) -> list[Prediction]:
    negative, positive = known.classes
    threshold = 0.5 if known.threshold is None else known.threshold
    pairs = zip(names, (units / SCALE).tolist(), ((SCALE - units) / SCALE).tolist(), strict=True)
    return [
        Prediction(name, score, positive if score >= threshold else negative, {negative: other, positive: score})
        for name, (score,), (other,) in pairs
    ]


def _multiclass(rounded: Matrix, classes: Sequence[str], names: Sequence[str]) -> list[Prediction]:
    likeliest = rounded.argmax(axis=1).tolist()
    return [
        Prediction(name, scores[best], classes[best], dict(zip(classes, scores, strict=True)))
        for name, scores, best in zip(names, rounded.tolist(), likeliest, strict=True)
    ]


def explained(values: Matrix, known: Signature, sources: Sequence[str], top: int) -> list[dict[str, Any]]:
    """The features that move each row's score most, from SHAP values (rows, classes, features + 1), strongest first.

    In the raw score's unit (log-odds for binary). Several classes: those of the class with the highest raw score.
    """
    told = []
    for row in values:
        best = int(row.sum(axis=1).argmax())
        one, base = row[best, :-1], row[best, -1]
        order = np.argsort(-np.abs(one), kind="stable")[:top].tolist()
        strongest = [
            {"feature": known.features[at].name, "column": sources[at], "contribution": round(float(one[at]), DECIMALS)}
            for at in order
        ]
        label = {"label": known.classes[best]} if known.task == "multiclass" else {}
        told.append({"base": round(float(base), DECIMALS), **label, "contributions": strongest})
    return told
