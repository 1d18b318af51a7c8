"""Fits: state from training rows, as JSON with floats in float32's digits; for the target also without each fold."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.features import failures, loading
from pipeline.features.code import FeatureCode, FunctionError, calls, run
from pipeline.features.functions import STATE, Function
from pipeline.features.lookup import frozen, key_text
from pipeline.features.values import Array

MAX_STATE = 5_000_000  # characters of a state's JSON
UNFITTED = "unfitted"


def fit(code: FeatureCode, inputs: Mapping[str, Array], folds: Array | None = None) -> FeatureCode:
    """The code with its states; `inputs` are the columns of the training rows, `folds` the fold of each.

    PipelineError, in one line, for a fit that fails, returns what JSON can't hold, or does not give the same twice.
    """
    fitted = replace(code, states=_states(code, inputs, code.plan.order))
    if folds is None or not code.plan.fitted:
        return fitted
    again = [function for function in code.plan.order if function.name in code.plan.fitted]
    by_fold = []
    for fold in range(int(folds.max()) + 1):
        rest = folds != fold
        if not rest.any():
            raise PipelineError(
                f"{code.package.place}: all training rows fall into one fold, so {again[0].name} can't be fitted on "
                "the target without a row's own; add rows, or set another data.key in params.yaml"
            )
        others = {name: values[rest] for name, values in inputs.items()}
        states = _states(replace(code, states=fitted.states), others, again)
        by_fold.append({function.name: states[function.name] for function in again})
    return replace(fitted, folds=tuple(by_fold))


def _states(code: FeatureCode, inputs: Mapping[str, Array], fits: Sequence[Function]) -> dict[str, Any]:
    """The states of all functions: those of `fits` made anew, each after the functions that its fit reads."""
    loaded = loading.callables(code.package, code.plan.order, f"{code.package.hash}_{UNFITTED}")
    rows, read = len(next(iter(inputs.values()), ())), _read_by_fits(code)
    known, states = code.known(inputs), dict(code.states)
    with np.errstate(all="ignore"):
        for call in calls(code.plan.order, loaded):
            function = call.function
            if function.fit and function in fits:
                arguments = [known[name] for name in function.fit.reads]
                states[function.name] = _fitted(code, function.fit, loaded[function.fit.name], arguments)
                known[STATE, function.name] = frozen(states[function.name])
            if function.name in read:
                try:
                    known.update(run(call, known, rows))
                except FunctionError as error:
                    reason = failures.reason_of(error, code.package)
                    raise PipelineError(failures.line(code.package, function, reason)) from None
    return states


def _read_by_fits(code: FeatureCode) -> set[str]:
    """The functions whose features a fit reads, and those that they read themselves."""
    by_output, read = code.plan.by_output(), set[str]()
    for function in reversed(code.plan.order):
        names = [*(function.fit.reads if function.fit else ()), *(function.reads if function.name in read else ())]
        read |= {by_output[name].name for name in names if name in by_output}
    return read


def columns_of_fits(code: FeatureCode) -> list[str]:
    """The columns of the data that the fits need, themselves or by the features that they read."""
    read = _read_by_fits(code)
    names = [name for function in code.plan.order if function.fit for name in function.fit.reads]
    names += [name for function in code.plan.order if function.name in read for name in function.reads]
    return [name for name in dict.fromkeys(names) if name in code.inputs]


def _fitted(code: FeatureCode, function: Function, fit: Any, arguments: list[Array]) -> Any:
    """The state that a fit returns, run twice: with one thread and with two."""
    states = []
    for threads in (1, 2):
        try:
            with _threads(threads):
                states.append(to_json(fit(*arguments)))
        except Exception as error:
            reason = failures.reason_of(FunctionError(function, "", error), code.package)
            raise PipelineError(failures.line(code.package, function, reason)) from None
    texts = [json.dumps(state, sort_keys=True, ensure_ascii=False) for state in states]
    if texts[0] != texts[1]:
        reason = "it gave another state when it was run again, with two threads: leave out what is random or parallel"
        raise PipelineError(failures.line(code.package, function, reason))
    if len(texts[0]) > MAX_STATE:
        reason = f"its state takes {len(texts[0]) / 1e6:.1f} MB; allowed: 5 MB, as every release carries it"
        raise PipelineError(failures.line(code.package, function, reason))
    return json.loads(texts[0])


def to_json(value: Any) -> Any:
    """A state as JSON has it: floats rounded to float32, NumPy's scalars and arrays as numbers and lists.

    TypeError, which says what, for anything that JSON can't hold.
    """
    if isinstance(value, Mapping):
        content = {key_text(key): to_json(item) for key, item in value.items()}
        return dict(sorted(content.items()))
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or isinstance(plain, bool | int | str):
        return plain
    if isinstance(plain, float):
        rounded = float(np.float32(plain))
        if not math.isfinite(rounded):
            raise TypeError(f"the state holds {plain}, which JSON can't; leave the entry out")
        return rounded
    raise TypeError(f"the state holds a value of type {type(plain).__name__}, which JSON can't")


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Around a fit: the number of threads that NumPy's libraries may use."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=count):
        yield
