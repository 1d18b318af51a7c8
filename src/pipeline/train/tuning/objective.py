"""One trial of `pipeline tune`: parameters of the space, trained as the train stage does, scored on validation rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from pipeline.core.errors import PipelineError
from pipeline.core.params import Interval, Params, Train
from pipeline.core.tasks import higher_is_better
from pipeline.evaluation import metrics
from pipeline.features.code import FeatureCode
from pipeline.models import training
from pipeline.models.boosting import Device

TABLE_PARAMETERS = ("class_weight", "objective", "quantile")  # those of train that shape the prepared tables
Trial = Any


@dataclass
class Objective:
    """Callable for Optuna: the value of `gate.primary` on the validation rows; the test rows are never used."""

    settings: Params
    train: pd.DataFrame
    validation: pd.DataFrame
    device: Device
    code: FeatureCode | None = None
    prepared: dict[tuple[Any, ...], training.Prepared] = field(default_factory=dict)

    def __call__(self, trial: Trial) -> float:
        knobs = self.settings.train if trial.user_attrs.get("current") else suggest(trial, self.settings)
        trial.set_user_attr("values", {name: getattr(knobs, name) for name in self.settings.tune.space})
        prepared = self._prepare(knobs)
        fitted = training.fit(prepared, knobs, self.device, [pruning_callback(trial, knobs, self.settings)])
        trial.set_user_attr("trees", fitted.best_iteration)
        return self._score(prepared, fitted)

    def _prepare(self, knobs: Train) -> training.Prepared:
        key, own = tuple(getattr(knobs, name) for name in TABLE_PARAMETERS), self.settings
        if key not in self.prepared:
            settings = training.Settings(own.data, own.task, own.features, own.split, knobs, self.code)
            self.prepared = {key: training.prepare(self.train, self.validation, settings)}
        return self.prepared[key]

    def _score(self, prepared: training.Prepared, fitted: training.Fitted) -> float:
        signature, name = training.with_threshold(prepared, fitted, self.settings.task), self.settings.gate.primary
        target = prepared.validation_target
        score = np.round(fitted.booster.predict(prepared.validation_matrix, num_iteration=fitted.best_iteration), 9)
        values = metrics.compute(
            signature.task,
            [name],
            target,
            score,
            np.ones((1, len(target))),
            bins=self.settings.evaluate.calibration_bins,
            threshold=signature.threshold,
            quantile=signature.quantile,
        )
        value = float(values[name][0])
        if not np.isfinite(value):
            raise PipelineError(
                f"params.yaml: gate.primary: {name} has no value on the validation rows; choose another"
            )
        return float(f"{value:.6g}")


def suggest(trial: Trial, settings: Params) -> Train:
    """Draw every parameter of the space; floats have four digits, so that params.yaml gets the exact values tried."""
    values: dict[str, Any] = {}
    for name, choice in settings.tune.space.items():
        if not isinstance(choice, Interval):
            values[name] = trial.suggest_categorical(name, list(choice))
        elif isinstance(getattr(settings.train, name), int):
            values[name] = trial.suggest_int(name, int(choice.low), int(choice.high), log=choice.log)
        else:
            value = float(f"{trial.suggest_float(name, choice.low, choice.high, log=choice.log):.4g}")
            values[name] = min(max(value, choice.low), choice.high)
    return with_values(settings.train, values)


def with_values(train: Train, values: Mapping[str, Any]) -> Train:
    return Train.model_validate(train.model_dump() | dict(values))


def check_space(settings: Params) -> None:
    """PipelineError where the space is empty, or where a bound or a choice is not allowed for its parameter."""
    if not settings.tune.space:
        raise PipelineError("params.yaml: tune.space: is empty; name at least one train parameter")
    for name, choice in settings.tune.space.items():
        is_integer = isinstance(getattr(settings.train, name), int)
        values = (choice.low, choice.high) if isinstance(choice, Interval) else choice
        for value in values:
            as_int = isinstance(choice, Interval) and is_integer and float(value).is_integer()
            try:
                with_values(settings.train, {name: int(value) if as_int else value})
            except ValidationError as error:
                allowed = error.errors()[0]["msg"].removeprefix("Input should be ")
                raise PipelineError(f"params.yaml: tune.space.{name}: is {value}; allowed: {allowed}") from None


def pruning_callback(trial: Trial, knobs: Train, settings: Params) -> Callable[[Any], None]:
    """A LightGBM callback that reports the validation loss and stops a trial that is worse than the others' median.

    Trials are compared at the same sum of learning rates, not the same number of trees: a low rate needs more trees.
    """
    sign = -1.0 if higher_is_better(settings.gate.primary) else 1.0
    comparable = not {"objective", "quantile"} & set(settings.tune.space)  # else the losses are different functions

    def callback(env: Any) -> None:
        trees = env.iteration + 1
        step = int(trees * knobs.learning_rate)
        if not comparable or step == int((trees - 1) * knobs.learning_rate):
            return
        trial.report(sign * env.evaluation_result_list[0][2], step)
        if trial.should_prune():
            import optuna

            trial.set_user_attr("trees", trees)
            raise optuna.TrialPruned

    return callback
