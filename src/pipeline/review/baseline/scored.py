"""A model that the candidate is compared with, on the test rows that it was not trained on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.data.values import keys
from pipeline.data.values.keys import fractions
from pipeline.evaluation.scoring import Scored
from pipeline.models.signature import Signature
from pipeline.review.baseline.champion import Champion

TEST = Path("data/split/test.parquet")

State = Literal["scored", "same", "none", "missing", "unscorable"]


@dataclass(frozen=True)
class ScoredBaseline:
    """`scored` holds rows of the candidate's (by key) with this model's scores; where it is None, `reason` says why."""

    name: str
    state: State
    scored: Scored | None = None
    reason: str = ""


def scored_rows(test: Path, key: str | None, candidate: Scored) -> pd.DataFrame:
    """The test rows, which must be those that the candidate scored."""
    table = parquet.read(test)
    if keys.names(table, key).tolist() != candidate.keys.tolist():
        raise PipelineError(f"{test}: not the rows that the scores are of; run `make run`, then judge again")
    return table


def score_baseline(
    found: Champion, candidate: Scored, target: str, table: Callable[[], pd.DataFrame]
) -> ScoredBaseline:
    """Score the found model on the candidate's test rows (`table` reads them, in the order of `candidate`)."""
    if found.same:
        return ScoredBaseline(found.base, "same")
    if found.folder is None:
        return ScoredBaseline(found.base, "none" if found.state == "none" else "missing", reason=found.reason)
    rows = table()
    try:
        scored = _score(found, candidate, target, rows)
    except PipelineError as problem:
        return ScoredBaseline(found.base, "unscorable", reason=str(problem).splitlines()[0])
    return ScoredBaseline(found.base, "scored", scored, found.reason)


def _score(found: Champion, candidate: Scored, target: str, table: pd.DataFrame) -> Scored:
    from pipeline.models import model, signature, targets

    assert found.folder is not None
    known = signature.read(found.folder / model.SIGNATURE)
    if (known.task, known.target, known.classes) != (candidate.task, target, candidate.classes):
        raise PipelineError(f"it predicts something else ({known.task}, target {known.target})")
    lost = [name for name in known.columns if name not in table.columns]
    if lost:
        raise PipelineError(f"the data no longer has its features: {', '.join(lost)}")
    if not np.array_equal(targets.encode(table, known), candidate.target):
        raise PipelineError("it reads the target of the test rows differently")
    unseen = held_out(table, known)
    if not unseen.any():
        raise PipelineError("it was trained on every test row")
    scores = model.load(found.folder).predict(table[unseen])
    return replace(candidate.rows(unseen), score=scores, threshold=known.threshold)


def common(candidate: Scored, other: Scored) -> tuple[Scored, Scored]:
    """The rows that both models scored, matched by key and in its order: the order of the rows decides nothing.

    PipelineError where keys repeat or the two disagree about a target.
    """
    for scored in (candidate, other):
        if len(np.unique(scored.keys)) != len(scored):
            raise PipelineError("scores: a key occurs twice; rows can't be matched")
    _, mine, theirs = np.intersect1d(candidate.keys, other.keys, assume_unique=True, return_indices=True)
    ours, others = candidate.rows(mine), other.rows(theirs)
    if not np.array_equal(ours.target, others.target):
        raise PipelineError("scores: the two models were scored on different targets")
    return ours, others


def held_out(table: pd.DataFrame, signature: Signature) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows the model was neither trained nor stopped on, by the split that it carries; (rows,)."""
    time = signature.split.time
    if time is None:
        # Not `sides`: that refuses a table that lacks a side, and these are test rows alone.
        known = table if signature.key is not None else _hashed(table, signature)
        return np.asarray(fractions(known, signature.key, signature.split.seed) < signature.split.test)
    if time not in table.columns:
        raise PipelineError(f"column {time}: the model was split by it and the table lacks it")
    if pd.api.types.is_numeric_dtype(table[time]):
        return (table[time] > float(str(signature.seen_until))).to_numpy(dtype=bool)
    return (pd.to_datetime(table[time]) > pd.Timestamp(str(signature.seen_until))).to_numpy(dtype=bool)


def _hashed(table: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """The columns that the model's split hashed: with any other its training rows would pass for test rows."""
    if not signature.hashed:
        raise PipelineError("its signature does not say which columns its split was made of")
    lost = [name for name in signature.hashed if name not in table.columns]
    if lost:
        raise PipelineError(f"the data no longer has columns that its split was made of: {', '.join(lost)}")
    return table[list(signature.hashed)]
