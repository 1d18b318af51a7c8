"""A model that the candidate is compared with, on the test rows that it was not trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.core import parquet
from pipeline.core.errors import PipelineError, listed
from pipeline.data.values import former_texts, keys
from pipeline.data.values.keys import fractions
from pipeline.evaluation.scoring import Scored
from pipeline.models.signature import Signature
from pipeline.review.baseline import other_engine
from pipeline.review.baseline.champion import Champion
from pipeline.review.baseline.other_engine import Predict, Scores

TEST = Path("data/split/test.parquet")
OTHERS = (TEST.with_name("train.parquet"), TEST.with_name("validation.parquet"))

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


def by_this_engine(folder: Path, table: pd.DataFrame) -> Scores:
    """The scores of a table's rows by the model in a folder."""
    from pipeline.models import model

    return model.load(folder).predict(table)


def score_baseline(
    champion: Champion,
    candidate: Scored,
    target: str,
    table: Callable[[], pd.DataFrame],
    root: Path = Path(),
) -> ScoredBaseline:
    """Score the champion, by its own engine, on the candidate's test rows; `table` reads them, in their order.

    It is the champion as it was measured: where it was fitted again, it has learned newer rows since.
    """
    if champion.same:
        return ScoredBaseline(champion.base, "same")
    if champion.folder is None:
        return ScoredBaseline(champion.base, "none" if champion.state == "none" else "missing", reason=champion.reason)
    rows = table()
    try:
        scored, moved = _score(champion, candidate, target, rows, root)
    except PipelineError as problem:
        return ScoredBaseline(champion.base, "unscorable", reason=str(problem).splitlines()[0])
    return ScoredBaseline(champion.base, "scored", scored, "; ".join(filter(None, (champion.reason, moved))))


def _score(champion: Champion, candidate: Scored, target: str, table: pd.DataFrame, root: Path) -> tuple[Scored, str]:
    from pipeline.models import model, targets
    from pipeline.models import signature as signatures

    assert champion.measured is not None
    signature = signatures.read(champion.measured / model.SIGNATURE)
    if (signature.task, signature.target, signature.classes) != (candidate.task, target, candidate.classes):
        raise PipelineError(f"it predicts something else ({signature.task}, target {signature.target})")
    missing = [name for name in signature.columns if name not in table.columns]
    if missing:
        raise PipelineError(f"the data no longer has its features: {', '.join(missing)}")
    if not np.array_equal(targets.encode(table, signature), candidate.target):
        raise PipelineError("it reads the target of the test rows differently")
    is_held_out = held_out(table, signature, OTHERS)
    if not is_held_out.any():
        raise PipelineError("it was trained on every test row")
    scores = _scorer(champion, root)(champion.measured, table[is_held_out])
    scored = replace(candidate.rows(is_held_out), score=scores, threshold=signature.threshold)
    return scored, moved_rows(table, len(scored), signature, OTHERS)


def as_it_serves(
    champion: Champion, baseline: ScoredBaseline, candidate: Scored, table: pd.DataFrame, root: Path = Path()
) -> ScoredBaseline:
    """The baseline with the scores of the champion's model that ships; `table` is in the order of `candidate`."""
    if baseline.scored is None or champion.folder is None or champion.folder == champion.measured:
        return baseline
    from pipeline.models import model
    from pipeline.models import signature as signatures

    scores = _scorer(champion, root)(champion.folder, table[np.isin(candidate.keys, baseline.scored.keys)])
    threshold = signatures.read(champion.folder / model.SIGNATURE).threshold
    return replace(baseline, scored=replace(baseline.scored, score=scores, threshold=threshold))


def _scorer(champion: Champion, root: Path) -> Predict:
    return other_engine.scorer(champion.base, by_this_engine, root)


def common(candidate: Scored, other: Scored) -> tuple[Scored, Scored]:
    """The rows that both models scored, matched by key and in its order, whatever the order of the input.

    PipelineError where keys repeat or a row's targets differ.
    """
    for scored in (candidate, other):
        if len(np.unique(scored.keys)) != len(scored):
            raise PipelineError("scores: a key occurs twice; rows can't be matched")
    _, candidate_rows, other_rows = np.intersect1d(candidate.keys, other.keys, assume_unique=True, return_indices=True)
    candidate, other = candidate.rows(candidate_rows), other.rows(other_rows)
    if not np.array_equal(candidate.target, other.target):
        raise PipelineError("scores: the two models were scored on different targets")
    return candidate, other


def held_out(
    table: pd.DataFrame, signature: Signature, beside: Sequence[Path] = ()
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows (rows,) were used neither for training nor early stopping, by the split in the signature.

    A split of format 1 hashed texts that depended on all rows of the data, of which `beside` are the files of the
    others: a row is held out where every text that its key can have had says so.
    """
    time = signature.split.time
    if time is None:
        # Not `sides`: that refuses a table without training rows, and these are test rows alone.
        group, key = signature.split.group, signature.key
        if group is not None:
            return np.asarray(fractions(table, group, signature.split.seed, "split.group") < signature.split.test)
        hashed = (
            _hashed_columns(table, signature)
            if key is None
            else keys.complete_column(table, key, "data.key").to_frame()
        )
        if signature.format > 1:
            return np.asarray(fractions(hashed, signature.key, signature.split.seed) < signature.split.test)
        return _held_out_by_every_text(hashed, signature, beside)
    if time not in table.columns:
        raise PipelineError(f"column {time}: the model was split by it and the table lacks it")
    if pd.api.types.is_numeric_dtype(table[time]):
        return (table[time] > pd.to_numeric(str(signature.seen_until))).to_numpy(dtype=bool)
    return (pd.to_datetime(table[time]) > pd.Timestamp(str(signature.seen_until))).to_numpy(dtype=bool)


def moved_rows(table: pd.DataFrame, compared: int, signature: Signature, beside: Sequence[Path]) -> str:
    """What new columns cost where the rows were split by a hash of all their columns; empty where there are none.

    `table` holds the test rows, of which `compared` were held out; `beside` are the files of the other rows.
    """
    if signature.key is not None or signature.split.time is not None or signature.split.group is not None:
        return ""
    new = [name for name in map(str, table.columns) if name not in signature.hashed]
    if not new:
        return ""
    moved = sum(int(held_out(parquet.read(path), signature, beside).sum()) for path in beside if path.is_file())
    return (
        f"without a key the split hashes all columns, now also {listed(new)}: {moved:,} of its {moved + compared:,} "
        "test rows are now used in training; a key (data.key) keeps each row on its side"
    )


def _held_out_by_every_text(
    hashed: pd.DataFrame, signature: Signature, beside: Sequence[Path]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    key, split = signature.key, signature.split
    columns = list(map(str, hashed.columns))
    if key is not None:
        hashed = hashed.assign(**{key: former_texts.of_dates(hashed[key])})
    finest = former_texts.DAY
    if any(former_texts.differ(hashed[name]) for name in columns):
        for path in beside:
            if path.is_file():
                others = parquet.read(path, columns)
                texts = [former_texts.of_dates(others[name]) for name in columns]
                finest = max([finest, *(former_texts.fineness(text) for text in texts if text.dtype == "str")])
    tables = former_texts.tables(hashed, finest, words=key is None)
    return np.asarray(np.logical_and.reduce([fractions(former, key, split.seed) < split.test for former in tables]))


def _hashed_columns(table: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """The columns that the model's split hashed: with others, its training rows would count as test rows."""
    if not signature.hashed:
        raise PipelineError("its signature does not say which columns its split was made of")
    missing = [name for name in signature.hashed if name not in table.columns]
    if missing:
        raise PipelineError(
            "without a key its rows were split by a hash of all columns, and the data no longer has "
            f"{listed(missing)}; with a key (data.key) columns can go"
        )
    return table[list(signature.hashed)]
