"""What windows are compared with: the rows that the model was trained on, and the test rows as it scored them."""

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
FEWEST = 50  # rows, below which nothing can be calibrated


@dataclass(frozen=True)
class Reference:
    """`train`: the rows that were trained on; `tested`: test rows, on which the model was not trained, with scores.

    Predictions are compared with those of the test rows: a model scores the rows that it knows too well.
    """

    signature: Signature
    kinds: Mapping[str, Kind]
    train: pd.DataFrame
    tested: Scored
    newest: int  # how many added rows, the newest ones, the rows are of; 0 for all rows

    @property
    def missing(self) -> dict[str, float]:
        """Each column's share of missing values."""
        return {name: float(self.train[name].isna().mean()) for name in self.kinds}

    @property
    def novel(self) -> dict[str, float]:
        """The share of new rows that is to be expected to bring a category for the first time, by column: that of the
        categories that came once (Good 1953)."""
        once = {}
        for name, kind in self.kinds.items():
            if kind == "category":
                counts = self.train[name].value_counts()
                once[name] = float((counts == 1).sum()) / max(1, int(counts.sum()))
        return once


def load(
    signature: Signature, rows: int, train: Path = TRAIN, scores: Path = SCORES, source: Path = sources.FINGERPRINT
) -> Reference:
    """The reference: the newest added rows until they hold `rows` training rows and enough test rows, else all.

    InputUnreadableError where a file is missing, damaged or does not belong to the model.
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
        newest, count = _newest(table, tested, str(key), batches, rows) if batches else (None, 0)
    except PipelineError as error:
        raise InputUnreadableError("reference", str(error)) from None
    if newest is not None:
        table = table[conversion.labels(table[str(key)]).isin(newest)].reset_index(drop=True)
        tested = tested.rows(np.isin(tested.keys, list(newest)))
    for path, found in ((train, len(table)), (scores, len(tested))):
        if found < FEWEST:
            raise InputUnreadableError(
                "reference", f"{path}: has {found:,} rows; at least {FEWEST} are needed to judge by"
            )
    return Reference(signature, kinds, table, tested, count)


def _newest(
    table: pd.DataFrame, tested: Scored, key: str, batches: tuple[sources.File, ...], rows: int
) -> tuple[set[str] | None, int]:
    """The keys of the newest added rows that hold so many training rows and enough test rows, and how many they are.

    None where all of them do not. Batches and their rows are in the order of time.
    """
    trained, tests, found = conversion.labels(table[key]), [*tested.keys], list[str]()
    for batch in reversed(batches):
        read = readers.read(sources.opened(batch), batch.path, sources.extension(batch.path))
        if key not in read.column_names:
            continue
        found += list(conversion.labels(read.column(key).to_pandas()))[::-1]
        keys = pd.Series(found)
        enough = (keys.isin(trained).cumsum() >= max(rows, FEWEST)) & (keys.isin(tests).cumsum() >= FEWEST)
        if enough.any():
            count = int(enough.to_numpy().argmax()) + 1
            return set(found[:count]), count
    return None, 0


def predictions(scored: Scored) -> tuple[pd.DataFrame, dict[str, Kind]]:
    """Scores as the service logs them: the value, the positive class's probability, or the likeliest class's with the
    class itself."""
    if scored.task != "multiclass":
        return pd.DataFrame({"score": scored.score}), {"score": "number"}
    classes: Array = np.array(scored.classes, dtype=object)
    said = pd.DataFrame({"score": scored.score.max(axis=1), "label": classes[scored.decisions()]})
    return said, {"score": "number", "label": "category"}
