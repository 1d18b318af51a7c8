"""Features of a request's rows that the project's code computes: the functions of training, on arrays of n rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.features import failures
from pipeline.features.code import FeatureCode, FunctionError
from pipeline.features.values import Array, encoded
from pipeline.models.signature import Signature
from pipeline.ship.service.columns import RequestColumn, moment


class Computed:
    """Computes from the fields of decoded rows, in the order of `columns`, in which numbers and booleans come first."""

    def __init__(self, signature: Signature, code: FeatureCode, columns: Sequence[RequestColumn]) -> None:
        places = {column.name: place for place, column in enumerate(columns)}
        self._inputs = [(name, places[name], column.kind, column.dtype) for name, column in code.needed.items()]
        derived = [feature for feature in signature.features if feature.source in signature.derived]
        self._outputs = [(feature.source, _codes(feature.categories)) for feature in derived]
        self._code = code
        self.count = len(derived)
        assert code.calls  # they are loaded here, so that no request waits for it

    def fill(self, matrix: Array, fields: Sequence[Sequence[Any]], numbers: Array) -> None:
        """Fill in the last columns of the matrix (rows, features); PipelineError, in one line, where a function fails.

        `fields`: the values of each column; `numbers`: those of numbers and booleans as float64, (columns, rows).
        """
        rows, inputs = len(matrix), dict[str, Array]()
        for name, place, kind, dtype in self._inputs:
            if kind == "text":
                values = np.array(fields[place], dtype=object)
            elif kind == "date":
                values = np.array([None if text is None else moment(text) for text in fields[place]], dtype=dtype)
            elif dtype == "float64":
                inputs[name] = numbers[place]  # read-only, as the bytes that it is made of
                continue
            else:
                values = numbers[place] != 0
            values.flags.writeable = False
            inputs[name] = values
        try:
            known = self._code.compute(inputs, rows)
        except FunctionError as error:
            reason = failures.reason_of(error, self._code.package)
            raise PipelineError(failures.line(self._code.package, error.function, reason)) from None
        for place, (name, codes) in enumerate(self._outputs, start=matrix.shape[1] - self.count):
            matrix[:, place] = encoded(known[name], codes)


def _codes(categories: Sequence[str]) -> dict[str | None, float] | None:
    return {text: float(code) for code, text in enumerate(categories)} if categories else None
