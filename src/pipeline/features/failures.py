"""A failed function as one line: feature, file, line, what happened, and an example row."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.features import loading
from pipeline.features.code import FeatureCode, FunctionError
from pipeline.features.functions import Function
from pipeline.features.package import Package
from pipeline.features.values import Array

TRIED_ROWS = 1000  # of a table, in the search for a row that fails on its own
READ_ONLY = "read-only"  # NumPy's word for an array that a function must not change
MAX_TEXT = 60  # characters of a value that a message shows


def line(package: Package, function: Function, reason: str, example: str = "") -> str:
    """The line of a refused function; `reason` completes the sentence."""
    names = ", ".join(function.outputs) or function.name
    return f"{package.at(function.file, function.line)}: {names}: {reason}{example}"


def reason_of(error: FunctionError, package: Package) -> str:
    """What went wrong, in words, with the line of the code where it raised."""
    if error.cause is None:
        return error.reason
    if READ_ONLY in str(error.cause):
        return "it changes its arguments in place, which other features read as well; return a new array"
    text = " ".join(f"{type(error.cause).__name__}: {error.cause}".split())
    return f"{text} ({loading.place_of(error.cause, package)})"


def explained(
    error: FunctionError, code: FeatureCode, inputs: Mapping[str, Array], rows: int, fold: int = -1
) -> PipelineError:
    """The error with an example: the first row that fails on its own, else the first row."""
    example = next((row for row in range(min(rows, TRIED_ROWS)) if _fails(error, code, inputs, row, fold)), 0)
    names = [name for output in error.function.outputs for name in code.plan.columns.get(output, ())]
    text = shown(inputs, names, example) if rows else ""
    return PipelineError(line(code.package, error.function, reason_of(error, code.package), text))


def shown(inputs: Mapping[str, Array], names: list[str], row: int) -> str:
    """An example row, in the columns of these names."""
    values = [f"{name} {_text(inputs[name][row])}" for name in dict.fromkeys(names) if name in inputs]
    return f"; example row: {', '.join(values)}" if values else ""


def _fails(error: FunctionError, code: FeatureCode, inputs: Mapping[str, Array], row: int, fold: int) -> bool:
    try:
        code.compute({name: values[row : row + 1] for name, values in inputs.items()}, 1, fold)
    except FunctionError as other:
        return other.function.name == error.function.name
    return False


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."
