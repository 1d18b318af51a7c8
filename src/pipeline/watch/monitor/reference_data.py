"""What windows are compared with: the rows that the model was trained on, and the test rows with its scores."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.core.params import Monitor
from pipeline.data.source import readers, sources
from pipeline.data.values import conversion, keys
from pipeline.data.values.calendar import Part, calendar_columns
from pipeline.drift.compare import Kind
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.models.signature import Signature
from pipeline.predictions.damage import InputUnreadableError
from pipeline.watch.monitor.reference_columns import Array

TRAIN, TEST = Path("data/split/train.parquet"), Path("data/split/test.parquet")
VALIDATION, SCORES = Path("data/split/validation.parquet"), Path("reports/scores.parquet")
MIN_ROWS = 50  # below which nothing can be calibrated


@dataclass(frozen=True)
class Reference:
    """`train`: the rows that the serving model learned from; `tested`: the test rows with the measured model's scores.

    Predictions are compared with those on the test rows: a model is overconfident on the rows that it was trained on.
    `train_block` and `tested_block`: the values of the column by which rows belong together, None where there is none.
    """

    signature: Signature
    kinds: Mapping[str, Kind]
    train: pd.DataFrame
    tested: Scored
    newest: int  # number of the newest added rows that the rows are from; 0 for all rows
    train_block: "pd.Series[Any] | None" = None
    tested_block: "pd.Series[Any] | None" = None

    @property
    def calendar(self) -> dict[str, Part]:
        """The columns that say when a row is from, and which part of the time each holds."""
        block = self.train_block
        if block is None:
            return {}
        return calendar_columns(self.train[list(self.kinds)].assign(**{str(block.name): block}), str(block.name))

    @property
    def missing(self) -> dict[str, float]:
        """Each column's share of missing values."""
        return {name: float(self.train[name].isna().mean()) for name in self.kinds}


def load(signature: Signature, settings: Monitor, source: Path = sources.FINGERPRINT) -> Reference:
    """The reference that `monitor.reference` chooses: the newest rows that the model learned from, or all of them.

    InputUnreadableError where a file is missing, damaged or of another model.
    """
    kinds: dict[str, Kind] = {**signature.kinds}
    block = settings.blocks or signature.split.time
    try:
        table, tested = _learned(signature), scoring.read(SCORES)
        batches = sources.read(source).batches if source.is_file() and signature.key else ()
        needed = [*kinds, *([signature.key] if signature.key and batches else []), *([block] if block else [])]
        absent = [name for name in needed if name not in table.columns]
        if absent:
            raise PipelineError(f"{TRAIN}: lacks column {absent[0]}; run `make run`")
        if tested.task != signature.task or tested.classes != tuple(signature.classes):
            raise PipelineError(f"{SCORES}: is of another model than models/; run `make run`")
        if settings.reference == "same_season" and not (block and types.is_datetime64_any_dtype(table[block])):
            raise PipelineError("monitor.reference: same_season needs a date column, split.time or monitor.blocks")
        reference = Reference(signature, kinds, table, tested, 0)
        if settings.reference == "recent":
            reference = _recent(reference, batches, settings.reference_rows)
        if block:
            reference = replace(
                reference, train_block=reference.train[block], tested_block=_of_tested(reference, block)
            )
    except PipelineError as error:
        raise InputUnreadableError("reference", str(error)) from None
    for path, count in ((TRAIN, len(reference.train)), (SCORES, len(reference.tested))):
        if count < MIN_ROWS:
            raise InputUnreadableError(
                "reference", f"{path}: has {count:,} rows; at least {MIN_ROWS} are needed: train on more"
            )
    return reference


def _learned(signature: Signature) -> pd.DataFrame:
    """The rows that the serving model learned from: all of them, where it was fitted again after it was measured."""
    table = parquet.read(TRAIN)
    if signature.refitted is None:
        return table
    return pd.concat([table, *(parquet.read(path) for path in (VALIDATION, TEST))], ignore_index=True)


def _of_tested(reference: Reference, block: str) -> "pd.Series[Any]":
    """The column's values in the test rows, in the order of their scores."""
    table, tested = parquet.read(TEST), reference.tested
    if block not in table.columns:
        raise PipelineError(f"{TEST}: lacks column {block}; run `make run`")
    values = pd.Series(table[block].to_numpy(), index=keys.names(table, reference.signature.key))
    if not np.isin(tested.keys, values.index).all():
        raise PipelineError(f"{TEST}: lacks rows of {SCORES}; run `make run`")
    return values[~values.index.duplicated()].loc[list(tested.keys)].reset_index(drop=True)


def _recent(reference: Reference, batches: tuple[sources.File, ...], rows: int) -> Reference:
    """The newest rows alone: by the time of the split, else of the added rows; all where there are fewer."""
    table, tested, time = reference.train, reference.tested, reference.signature.split.time
    if time:
        first = table[time].sort_values().iloc[-min(rows, len(table))]
        kept = table[table[time] >= first].reset_index(drop=True)
        return replace(reference, train=kept, newest=len(kept) if len(kept) < len(table) else 0)
    key = str(reference.signature.key)
    chosen, added = _newest(table, tested, key, batches, rows) if batches else (None, 0)
    if chosen is None:
        return reference
    kept = table[conversion.labels(table[key]).isin(chosen)].reset_index(drop=True)
    return replace(reference, train=kept, tested=tested.rows(np.isin(tested.keys, list(chosen))), newest=added)


def _newest(
    table: pd.DataFrame, tested: Scored, key: str, batches: tuple[sources.File, ...], rows: int
) -> tuple[set[str] | None, int]:
    """The keys of the newest added rows that hold `rows` training rows and enough test rows, and the number of keys.

    None where all added rows together hold too few. Batches and their rows are in the order of time.
    """
    trained, tests, newest = conversion.labels(table[key]), [*tested.keys], list[str]()
    for batch in reversed(batches):
        added = readers.read(sources.ensure_local(batch), batch.path, sources.extension(batch.path))
        if key not in added.column_names:
            continue
        newest += list(conversion.labels(parquet.to_pandas(added.select([key]))[key]))[::-1]
        keys = pd.Series(newest)
        enough = (keys.isin(trained).cumsum() >= max(rows, MIN_ROWS)) & (keys.isin(tests).cumsum() >= MIN_ROWS)
        if enough.any():
            count = int(enough.to_numpy().argmax()) + 1
            return set(newest[:count]), count
    return None, 0


def predictions(scored: Scored) -> tuple[pd.DataFrame, dict[str, Kind]]:
    """Scores as the service logs them: the value, the positive class's probability, or the most likely class with its
    probability."""
    if scored.task != "multiclass":
        return pd.DataFrame({"score": scored.score}), {"score": "number"}
    classes: Array = np.array(scored.classes, dtype=object)
    scores = pd.DataFrame({"score": scored.score.max(axis=1), "label": classes[scored.decisions()]})
    return scores, {"score": "number", "label": "category"}
