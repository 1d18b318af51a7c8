"""What functions are given and what they return: arrays of n rows, of four kinds; results in float32's digits."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
Kind = Literal["number", "boolean", "text", "date"]
FLOAT32, FLOAT64, OBJECT = np.dtype(np.float32), np.dtype(np.float64), np.dtype(object)  # quicker than their names


@dataclass(frozen=True)
class Input:
    """A column of the data as functions get it. A boolean one that may be missing is given as numbers: 1, 0 and NaN."""

    kind: Kind
    nullable: bool

    @property
    def dtype(self) -> str:
        numbers = "bool" if self.kind == "boolean" and not self.nullable else "float64"
        return {"text": "object", "date": "datetime64[us]"}.get(self.kind, numbers)


class WrongResultError(Exception):
    """What is wrong with a function's result, in words."""


def results(returned: Any, outputs: tuple[str, ...], rows: int) -> dict[str, Array]:
    """A function's result as an array (rows,) for each of its features, finished; WrongResultError."""
    if len(outputs) == 1 and not isinstance(returned, dict):
        return {outputs[0]: finished(returned, rows)}
    if not isinstance(returned, dict) or set(returned) != set(outputs):
        raise WrongResultError(f"it returned {_named(returned)} instead of a dict with {', '.join(outputs)}")
    return {name: finished(returned[name], rows) for name in outputs}


def finished(values: Any, rows: int) -> Array:
    """Numbers rounded to float32 and kept as float64, infinite ones as NaN; booleans; text as objects with None.

    WrongResultError for another type or length.
    """
    if not isinstance(values, np.ndarray):
        raise WrongResultError(f"it returned {_named(values)}; allowed: an array with a value for each row")
    if values.shape != (rows,):
        raise WrongResultError(f"it returned an array of shape {values.shape} for {rows} rows; allowed: ({rows},)")
    finish = FINISH.get(values.dtype.kind)
    if finish is None:
        raise WrongResultError(f"it returned {values.dtype}; allowed: numbers, booleans, text")
    result = finish(values)
    result.setflags(write=False)
    return result


def _numbers(values: Array) -> Array:
    rounded: Array = values.astype(FLOAT32).astype(FLOAT64)
    if not (math.isfinite(rounded.item()) if len(rounded) == 1 else np.isfinite(rounded).all()):  # a row: 1 µs less
        rounded[~np.isfinite(rounded)] = np.nan  # a NaN has many bit patterns, too
    return rounded


def _texts(values: Array) -> Array:
    result = values.astype(OBJECT)
    if values.dtype.kind == "U":
        return result
    for value in result.tolist():
        if value is not None and not isinstance(value, str):
            raise WrongResultError(f"it returned objects, among them {_named(value)}; allowed: text and None")
    return result


FINISH: dict[str, Callable[[Array], Array]] = {
    "f": _numbers,
    "i": _numbers,
    "u": _numbers,
    "b": lambda values: values.copy(),
    "O": _texts,
    "U": _texts,
}
FINISHED_KINDS: dict[str, Literal["number", "boolean", "text"]] = {"f": "number", "b": "boolean", "O": "text"}


def encoded(values: Array, codes: Mapping[str | None, float] | None) -> Array:
    """Finished values as the model's matrix has them, (rows,): categories as codes, NaN for an unseen one."""
    if codes is None:
        return values
    return np.array([codes.get(value, np.nan) for value in values.tolist()])


def _named(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def same(first: Array, second: Array) -> Array:
    """Which finished values are equal bit for bit, (rows,); missing equals missing."""
    if first.dtype != second.dtype:
        return np.zeros(len(first), dtype=bool)
    if first.dtype == np.float64:
        return np.asarray(first.view(np.uint64) == second.view(np.uint64))
    return np.asarray(first == second, dtype=bool)
