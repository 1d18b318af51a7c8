"""Combinations of sections that can't work, each in one line."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.core.params import tolerance
from pipeline.core.params.train import TUNABLE
from pipeline.core.tasks import DEVIANCES, OBJECTIVES, in_production, metrics_of

if TYPE_CHECKING:
    from pipeline.core.params import Params


def conflicts(params: "Params") -> list[str]:
    """One line for each value that conflicts with others: its key, what is wrong, what is allowed."""
    return [
        *_roles(params),
        *(_metrics(params) or _tolerances(params)),
        *_training(params),
        *_for_binary_alone(params),
        *_tuned(params),
        *_kept(params),
    ]


def _roles(params: "Params") -> Iterator[str]:
    target = params.task.target
    roles = (("data.key", params.data.key), ("split.time", params.split.time), ("split.group", params.split.group))
    for key, column in roles:
        if column == target:
            yield f"{key}: {column} is the target (task.target); allowed: another column or null"


def _metrics(params: "Params") -> list[str]:
    task, gate, objective = params.task.type, params.gate, params.train.objective
    allowed = metrics_of(task, DEVIANCES.get(objective))
    named = (("primary", gate.primary), *((f"floors.{metric}", metric) for metric in gate.floors))
    whose = f"task.type {task}" + (f" and train.objective {objective}" if task == "regression" else "")
    return [
        f"gate.{key}: {metric} is no metric of {whose}; allowed: {', '.join(allowed)}"
        for key, metric in named
        if metric not in allowed
    ]


def _tolerances(params: "Params") -> list[str]:
    """Tolerances that can't be meant for the metric that they bound."""
    gate = params.gate
    return [
        *tolerance.misfits("gate.tolerance", gate.tolerance, gate.primary, tolerance.GATE),
        *(
            tolerance.misfits("gate.slices.tolerance", gate.slices.tolerance, gate.primary, tolerance.SLICES)
            if gate.slices
            else ()
        ),
        *tolerance.misfits(
            "monitor.performance",
            params.monitor.performance,
            in_production(params.task.type, gate.primary),
            tolerance.MONITOR,
        ),
    ]


def _training(params: "Params") -> Iterator[str]:
    task, train = params.task.type, params.train
    objectives = OBJECTIVES[task]
    if train.objective not in objectives:
        yield f"train.objective: {train.objective} does not fit task.type {task}; allowed: {', '.join(objectives)}"
    if task == "regression" and train.class_weight != "none":
        yield f"train.class_weight: {train.class_weight} needs classes; allowed for task.type regression: none"
    if task == "multiclass" and train.monotone:
        yield "train.monotone: LightGBM has none for several classes; allowed for task.type multiclass: {}"


def _for_binary_alone(params: "Params") -> Iterator[str]:
    task = params.task
    if task.type == "binary":
        return
    allowed = f"allowed for task.type {task.type}"
    if task.positive is not None:
        yield f"task.positive: is {task.positive!r}; {allowed}: null"
    if task.threshold != "f1":
        yield f"task.threshold: is {task.threshold}; {allowed}: f1, the default, or no such key"
    if params.gate.fairness is not None:
        yield f"gate.fairness: its bounds are for task.type binary; {allowed}: null"


def _kept(params: "Params") -> Iterator[str]:
    """A log that is removed before the monitor has read it."""
    days, needed = params.serve.log.keep_days, params.monitor.days
    if days is not None and needed is not None and days < needed:
        yield (
            f"serve.log.keep_days: is {days}, but monitor.history reads {params.monitor.history} windows of "
            f"{params.monitor.window}; allowed: {needed} or more, or null (or a smaller monitor.history)"
        )


def _tuned(params: "Params") -> Iterator[str]:
    allowed = ", ".join(TUNABLE)
    for name in params.tune.space:
        if name not in TUNABLE:
            yield f"tune.space.{name}: is no number or choice of the train section; allowed: {allowed}"
