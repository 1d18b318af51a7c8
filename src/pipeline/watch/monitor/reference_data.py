"""What windows are compared with: the rows that the model was trained on, and the test rows with its scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.data.source import readers, sources
from pipeline.data.values import conversion
from pipeline.drift.compare import Kind
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.models.signature import Signature
from pipeline.predictions.damage import InputUnreadableError
from pipeline.watch.monitor.reference_columns import Array

TRAIN, SCORES = Path("data/split/train.parquet"), Path("reports/scores.parquet")
MIN_ROWS = 50  # below which nothing can be calibrated


@dataclass(frozen=True)
class Reference:
    """`train`: the training rows; `tested`: the test rows with their scores.

    Predictions are compared with those on the test rows: a model is overconfident on the rows that it was trained on.
    """

    signature: Signature
    kinds: Mapping[str, Kind]
    train: pd.DataFrame
    tested: Scored
    newest: int  # number of the newest added rows that the rows are from; 0 for all rows

    @property
    def missing(self) -> dict[str, float]:
        """Each column's share of missing values."""
        return {name: float(self.train[name].isna().mean()) for name in self.kinds}

    @property
    def novel(self) -> dict[str, float]:
        """The expected share of rows with a category that never occurred before, by column: the share of rows whose
        category occurs once (Good 1953)."""
        shares = {}
        for name, kind in self.kinds.items():
            if kind == "category":
                counts = self.train[name].value_counts()
                shares[name] = float((counts == 1).sum()) / max(1, int(counts.sum()))
        return shares


def load(
    signature: Signature, rows: int, train: Path = TRAIN, scores: Path = SCORES, source: Path = sources.FINGERPRINT
) -> Reference:
    """The reference: the newest added rows that hold `rows` training rows and enough test rows, else all rows.

    InputUnreadableError where a file is missing, damaged or of another model.
    """
    kinds: dict[str, Kind] = {feature.source: feature.kind for feature in signature.features}
    key = signature.key
    try:
        table, tested = parquet.read(train), scoring.read(scores)
        batches = sources.read(source).batches if source.is_file() and key else ()
        absent = [name for name in [*kinds, *([key] if key and batches else [])] if name not in table.columns]
        if absent:
            raise PipelineError(f"{train}: lacks column {absent[0]}; run `make run`")
        if tested.task != signature.task or tested.classes != tuple(signature.classes):
            raise PipelineError(f"{scores}: is of another model than models/; run `make run`")
        newest, added = _newest(table, tested, str(key), batches, rows) if batches else (None, 0)
    except PipelineError as error:
        raise InputUnreadableError("reference", str(error)) from None
    if newest is not None:
        table = table[conversion.labels(table[str(key)]).isin(newest)].reset_index(drop=True)
        tested = tested.rows(np.isin(tested.keys, list(newest)))
    for path, count in ((train, len(table)), (scores, len(tested))):
        if count < MIN_ROWS:
            raise InputUnreadableError(
                "reference", f"{path}: has {count:,} rows; at least {MIN_ROWS} are needed: train on more"
            )
    return Reference(signature, kinds, table, tested, added)


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
