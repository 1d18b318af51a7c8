"""Turns scores into answers: label at the threshold, class probabilities, flags."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.models.signature import Feature, Signature
from pipeline.predictions.line import Flags, Prediction
from pipeline.ship.service.booster import Matrix

DECIMALS = 9  # as models/model.py rounds
SCALE = 10.0**DECIMALS


def predictions(scores: Matrix, signature: Signature, request_id: str, flags: dict[int, Flags]) -> list[Prediction]:
    """The answer for each row of LightGBM's scores, (rows, classes) or (rows, 1)."""
    units = np.rint(scores * SCALE)  # units / SCALE is scores.round(DECIMALS), twice as fast for a single row
    names = [f"{request_id}-{index}" for index in range(len(units))]
    if signature.task == "multiclass":
        answers = _multiclass(units / SCALE, signature.classes, names)
    elif signature.task == "binary":
        answers = _binary(units, signature, names)
    else:
        answers = [Prediction(name, value) for name, (value,) in zip(names, (units / SCALE).tolist(), strict=True)]
    for index, row_flags in flags.items():
        answers[index].flags = row_flags
    return answers


def _binary(units: Matrix, signature: Signature, names: Sequence[str]) -> list[Prediction]:
    negative, positive = signature.classes
    threshold = 0.5 if signature.threshold is None else signature.threshold
    rows = zip(names, (units / SCALE).tolist(), ((SCALE - units) / SCALE).tolist(), strict=True)
    return [
        Prediction(name, score, positive if score >= threshold else negative, {negative: rest, positive: score})
        for name, (score,), (rest,) in rows
    ]


def _multiclass(rounded: Matrix, classes: Sequence[str], names: Sequence[str]) -> list[Prediction]:
    likeliest = rounded.argmax(axis=1).tolist()
    return [
        Prediction(name, scores[best], classes[best], dict(zip(classes, scores, strict=True)))
        for name, scores, best in zip(names, rounded.tolist(), likeliest, strict=True)
    ]


def features(matrix: Matrix, signature: Signature) -> list[dict[str, Any]]:
    """The values of each row's features that the project's code computes: null where one is missing or unseen text."""
    derived = [(place, one) for place, one in enumerate(signature.features) if one.source in signature.derived]
    columns = [(one.name, [_value(number, one) for number in matrix[:, place].tolist()]) for place, one in derived]
    return [{name: values[row] for name, values in columns} for row in range(len(matrix))]


def _value(number: float, feature: Feature) -> float | bool | str | None:
    if math.isnan(number):
        return None
    if feature.kind == "category":
        return feature.categories[int(number)]
    return bool(number) if feature.kind == "boolean" else number


def explain(values: Matrix, signature: Signature, sources: Sequence[str], top: int) -> list[dict[str, Any]]:
    """The features that move each row's score most, from SHAP values (rows, classes, features + 1), strongest first.

    In the raw score's unit (log-odds for binary). Several classes: those of the class with the highest raw score.
    """
    explanations = []
    for row in values:
        best = int(row.sum(axis=1).argmax())
        contributions, base = row[best, :-1], row[best, -1]
        order = np.argsort(-np.abs(contributions), kind="stable")[:top].tolist()
        strongest = [
            {
                "feature": signature.features[index].name,
                "column": sources[index],
                "contribution": round(float(contributions[index]), DECIMALS),
            }
            for index in order
        ]
        label = {"label": signature.classes[best]} if signature.task == "multiclass" else {}
        explanations.append({"base": round(float(base), DECIMALS), **label, "contributions": strongest})
    return explanations
