"""Features of a request's rows that the project's code computes: the functions of training, on arrays of n rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.features import failures
from pipeline.features.code import FeatureCode, FunctionError
from pipeline.features.values import Array, Input, encoded
from pipeline.models.signature import Signature, codes_of
from pipeline.ship.service.columns import RequestColumn, moment


class Computed:
    """Computes from the fields of decoded rows, in the order of `columns`, in which numbers and booleans come first."""

    def __init__(self, signature: Signature, code: FeatureCode, columns: Sequence[RequestColumn]) -> None:
        places = {column.name: place for place, column in enumerate(columns)}
        inputs = [(name, places[name], column) for name, column in code.needed.items()]
        self._numbers = [(name, place) for name, place, column in inputs if column.dtype == "float64"]
        self._others = [(name, place, column) for name, place, column in inputs if column.dtype != "float64"]
        derived = [feature for feature in signature.features if feature.source in signature.derived]
        self._outputs = [(feature.source, codes_of(feature)) for feature in derived]
        self._code = code
        assert code.calls  # they are loaded here, so that no request waits for it

    def values(self, fields: Sequence[Sequence[Any]], numbers: Array) -> list[Array]:
        """Each feature as the model has it, float64 (rows,); PipelineError, in one line, where a function fails.

        `fields`: the values of each column; `numbers`: those of numbers and booleans as float64, (columns, rows).
        """
        inputs = {
            name: numbers[place] for name, place in self._numbers
        }  # read-only, as the bytes that they are made of
        for name, place, column in self._others:
            values = _input(column, fields[place], numbers, place)
            values.setflags(write=False)
            inputs[name] = values
        try:
            known = self._code.compute(inputs, numbers.shape[1])
        except FunctionError as error:
            reason = failures.reason_of(error, self._code.package)
            raise PipelineError(failures.line(self._code.package, error.function, reason)) from None
        return [known[name] if codes is None else encoded(known[name], codes) for name, codes in self._outputs]


def _input(column: Input, values: Sequence[Any], numbers: Array, place: int) -> Array:
    """Text, dates, or booleans that are never missing, as functions get them, (rows,)."""
    if column.kind == "text":
        return np.array(values, dtype=object)
    if column.kind == "date":
        return np.array([None if text is None else moment(text) for text in values], dtype=column.dtype)
    booleans: Array = numbers[place] != 0
    return booleans
