"""LightGBM's C API without its Python package: neither pandas nor scipy is needed, and a row takes a tenth of the time.

https://lightgbm.readthedocs.io/en/stable/C-API.html
"""

import ctypes
import importlib.util
import os
from ctypes import byref, c_char_p, c_int, c_int32, c_int64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import PipelineError

Matrix = np.ndarray[Any, np.dtype[np.float64]]
DOUBLE, ROW_MAJOR, ALL_TREES = 1, 1, -1
NORMAL, CONTRIBUTIONS = 0, 3  # the kind of prediction: C_API_PREDICT_NORMAL, C_API_PREDICT_CONTRIB
ONE_THREAD = b"num_threads=1"


class Booster:
    """A model that predicts rows of float64, C order; a single row takes LightGBM's fast path."""

    def __init__(self, text: str) -> None:
        self._library = _library()
        self._handle = c_void_p()
        trees = c_int()
        self._call("LGBM_BoosterLoadModelFromString", c_char_p(text.encode()), byref(trees), byref(self._handle))
        self.features = self._number("LGBM_BoosterGetNumFeature")
        self.classes = self._number("LGBM_BoosterGetNumClasses")
        self._fast = c_void_p()
        self._call(
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            *(self._handle, c_int(NORMAL), c_int(0), c_int(ALL_TREES), c_int(DOUBLE)),
            *(c_int32(self.features), c_char_p(ONE_THREAD), byref(self._fast)),
        )
        self._row = np.empty((1, self.features))
        self._score = np.empty((1, self.classes))
        self._length = c_int64()
        # The addresses are made once, so that each row takes only one call.
        self._single = (self._fast, _address(self._row), byref(self._length), _address(self._score))

    def predict(self, matrix: Matrix) -> Matrix:
        """(rows, classes), or (rows, 1) for binary and regression, as `Booster.predict` gives them, to the bit."""
        if len(matrix) == 1:
            self._row[:] = matrix
            if self._library.LGBM_BoosterPredictForMatSingleRowFast(*self._single):
                raise self._error()
            return self._score.copy()
        return self._batch(matrix, NORMAL, self.classes)

    def contributions(self, matrix: Matrix) -> Matrix:
        """SHAP values in the raw score's unit, (rows, classes, features + 1); the last is the expected value."""
        width = self.features + 1
        return self._batch(matrix, CONTRIBUTIONS, self.classes * width).reshape(len(matrix), self.classes, width)

    def _batch(self, matrix: Matrix, kind: int, width: int) -> Matrix:
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        rows, features = matrix.shape
        assert features == self.features
        result, length = np.empty((rows, width)), c_int64()
        self._call(
            "LGBM_BoosterPredictForMat",
            *(self._handle, _address(matrix), c_int(DOUBLE), c_int32(rows), c_int32(features), c_int(ROW_MAJOR)),
            *(c_int(kind), c_int(0), c_int(ALL_TREES), c_char_p(ONE_THREAD), byref(length), _address(result)),
        )
        assert length.value == result.size
        return result

    def _number(self, name: str) -> int:
        value = c_int()
        self._call(name, self._handle, byref(value))
        return value.value

    def _call(self, name: str, *arguments: Any) -> None:
        if getattr(self._library, name)(*arguments):
            raise self._error()

    def _error(self) -> PipelineError:
        return PipelineError(f"LightGBM: {self._library.LGBM_GetLastError().decode(errors='replace')}")


def _address(array: Matrix) -> c_void_p:
    return c_void_p(array.ctypes.data)


def _library() -> ctypes.CDLL:
    """The shared library in LightGBM's wheel; PipelineError where there is none."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    spec = importlib.util.find_spec("lightgbm")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for path in [Path(folder) / "lib/lib_lightgbm.so" for folder in folders]:
        if path.exists():
            library = ctypes.CDLL(str(path))
            library.LGBM_GetLastError.restype = c_char_p
            return library
    raise PipelineError("LightGBM is not installed; `make setup` installs it")
