"""Models of a split by time, fitted again on newer rows with what validation has chosen: trees and threshold.

The measured model learns all rows before the test rows, the one that ships learns these too. No row is left to measure
that one on: the verdict is on the procedure, which is the same for both.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from pipeline.models import training
from pipeline.models.boosting import Device, lightgbm
from pipeline.models.signature import Rows, Signature


def measured(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    settings: training.Settings,
    device: Device = "cpu",
    callbacks: Sequence[Callable[[Any], None]] = (),
) -> tuple[training.Fitted, str, Signature]:
    """What validation has chosen, and the model to measure: its text and its signature. `callbacks` are LightGBM's.

    PipelineError for a target or columns that a model can't learn from.
    """
    prepared = training.prepare(train, validation, settings)
    refits = settings.train.refits(settings.split)
    folds = training.folds_of(train, (validation,), settings) if refits else None
    earlier = pd.concat([train, validation]) if refits else None
    del train, validation  # they take as much memory as LightGBM does
    fitted = training.fit(prepared, settings.train, device, callbacks)
    signature = training.with_threshold(prepared, fitted, settings.task).model_copy(update={"device": device})
    if earlier is None:
        return fitted, fitted.booster.model_to_string(num_iteration=fitted.best_iteration), signature
    return fitted, *refit(earlier, settings, signature, fitted.best_iteration, device, folds)


def refit(
    rows: pd.DataFrame,
    settings: training.Settings,
    chosen: Signature,
    trees: int,
    device: Device = "cpu",
    folds: training.Array | None = None,
) -> tuple[str, Signature]:
    """The text of a model of `trees` iterations on all `rows`, and its signature with the `chosen` one's threshold.

    `folds`: as `training.folds_of` gives them; the features' state is that of the first training rows.
    PipelineError for a target or columns that a model can't learn from.
    """
    time = settings.split.time
    assert time is not None
    signature = training.learn(rows, (), settings, folds)
    booster = lightgbm().train(
        training.options(signature, settings.train, device),
        training.binned(rows, signature, settings, folds),
        num_boost_round=trees,
    )
    learned = Rows(count=len(rows), first=str(rows[time].min()), last=str(rows[time].max()))
    changes = {"format": max(signature.format, 3), "threshold": chosen.threshold, "device": device, "refitted": learned}
    return booster.model_to_string(), signature.model_copy(update=changes)
