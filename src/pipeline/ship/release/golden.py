"""Golden rows: test rows as a request has them, with the answers that training's own scores imply."""

import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.evaluation.scoring import Scored
from pipeline.models.signature import Signature

MOST_CELLS = 1500  # they travel in a label of the image


class Compared(NamedTuple):
    """What a canary is expected to find beside the champion, and the MD5 of that model; both empty without one."""

    expected: dict[str, float]
    against: str


NOTHING = Compared({}, "")


def rows(known: Signature, table: pd.DataFrame, scored: Scored, most: int) -> list[dict[str, Any]]:
    """Up to `most` rows, spread evenly over the scores, each with the part of its prediction that is expected."""
    most = min(most, max(1, MOST_CELLS // len(known.columns)), len(scored))
    answers = told(scored)
    order = np.argsort(answers, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, most).round().astype(int))].tolist()
    asked = requested(known, table.iloc[chosen])
    return [{"row": row, "expected": _expected(known, scored, at)} for row, at in zip(asked, chosen, strict=True)]


def requested(known: Signature, table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as a request has them: the model's columns, as JSON knows values."""
    kinds = {feature.source: feature.kind for feature in known.features}
    columns = [[_value(value, kinds[name]) for value in table[name]] for name in known.columns]
    return [dict(zip(known.columns, values, strict=True)) for values in zip(*columns, strict=True)]


def told(scored: Scored) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(rows,): the score that the service answers; of several classes the likeliest's."""
    return np.asarray(scored.score.max(axis=1) if scored.score.ndim == 2 else scored.score, dtype=np.float64)


def against_champion(base: str, candidate: Scored, table: pd.DataFrame, target: str) -> Compared:
    """Agreement and shift of the candidate against the model of revision `base` on the test rows; {} where none."""
    from pipeline.review.baseline import champion
    from pipeline.review.baseline.scored import common, score_baseline

    try:
        found = champion.find(base)
    except PipelineError:  # the first commit has none before it
        return NOTHING
    baseline = score_baseline(found, candidate, target, lambda: table)
    if found.hashes and baseline.state == "same":
        return Compared({"agreement": 1.0, "shift": 0.0}, found.model)
    if found.hashes is None or baseline.scored is None:
        return NOTHING
    mine, theirs = common(candidate, baseline.scored)
    if candidate.task == "regression":
        agreement = float(np.corrcoef(mine.score, theirs.score)[0, 1])
    else:
        agreement = float((mine.decisions() == theirs.decisions()).mean())
    shift = float(told(mine).mean() - told(theirs).mean())
    if not np.isfinite(agreement):
        return NOTHING
    return Compared({"agreement": round(agreement, 6), "shift": round(shift, 6)}, found.model)


def read(root: Path, test: str, scores: str) -> tuple[Scored, pd.DataFrame]:
    """The scores of the test rows and these rows; PipelineError where they are not each other's."""
    from pipeline.evaluation import scoring
    from pipeline.review.baseline.scored import scored_rows

    scored = scoring.read(root / scores)
    return scored, scored_rows(root / test, params.section(params.Data, root / params.PATH).key, scored)


def _value(value: Any, kind: str) -> Any:
    if pd.isna(value):
        return None
    if kind == "boolean":
        return bool(value)
    if kind == "number":
        number = float(value)
        return int(number) if number.is_integer() else number
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def _expected(known: Signature, scored: Scored, at: int) -> dict[str, Any]:
    if scored.task == "regression":
        return {"score": float(scored.score[at])}
    label = known.classes[int(scored.decisions()[at])]
    if scored.task == "binary":
        return {"score": float(scored.score[at]), "label": label}
    probabilities = dict(zip(known.classes, scored.score[at].tolist(), strict=True))
    return {"score": max(probabilities.values()), "label": label, "probabilities": probabilities}
