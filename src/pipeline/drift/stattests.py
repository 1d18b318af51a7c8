"""Evidently's statistical tests and its HTML report, imported lazily."""

import importlib
import importlib.util
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core import files
from pipeline.core.errors import PipelineError, listed

Array = npt.NDArray[np.float64]
FeatureType = Literal["num", "cat"]
LARGEST = 1e100  # of a distance: beyond any bound, and finite whatever it is divided by
LEAST_SPREAD = 0.001  # of the reference, by which Evidently divides at least
os.environ.setdefault("DO_NOT_TRACK", "1")  # no telemetry


@dataclass(frozen=True)
class Score:
    test: str
    score: float
    threshold: float
    drifted: bool


def score(
    reference: "pd.Series[Any]",
    current: "pd.Series[Any]",
    kind: FeatureType,
    threshold: float | None,
    name: str | None = None,
) -> Score | None:
    """The score of the test that Evidently chooses for two columns without nulls, or of the one that is named; None
    where it gives no number.

    The figures are those of `evidently.metrics.ValueDrift`, which calls the same two functions. Where its sums
    would overflow, the same distance is computed in a larger unit; it is `LARGEST` at most.
    """
    tests = _tests()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        test = tests.get_stattest(reference, current, kind, name)
        result = test(reference, current, tests.ColumnType(kind), threshold)
    value, bound = float(result.drift_score), float(result.actual_threshold)
    if test.name != "wasserstein":
        return Score(test.display_name, round(value, 9), bound, bool(result.drifted)) if np.isfinite(value) else None
    numbers = reference.to_numpy(float), current.to_numpy(float)
    unit = max(float(np.abs(side).max()) for side in numbers)
    if unit > LARGEST:
        value = _wasserstein(*numbers, unit)
    return Score(test.display_name, min(round(value, 9), LARGEST), bound, value >= bound)


def _wasserstein(reference: Array, current: Array, unit: float) -> float:
    """The distance over the reference's standard deviation, computed in this unit, in which no sum overflows."""
    from scipy import stats

    with np.errstate(over="ignore"):
        return float(stats.wasserstein_distance(reference / unit, current / unit) / (spread(reference) / unit))


def spread(values: Array) -> float:
    """The standard deviation that a distance is divided by, also where squares of the values overflow."""
    unit = float(np.abs(values).max(initial=0.0))
    if unit <= LARGEST:
        return max(float(np.std(values)), LEAST_SPREAD)
    return max(float(np.std(values / unit)) * unit, LEAST_SPREAD)


def _tests() -> ModuleType:
    """Evidently's test registry, without the web server, NLTK and Plotly that `import evidently` loads (8 s of 11)."""
    name = "evidently.legacy.calculations.stattests.registry"
    if name in sys.modules or "evidently" in sys.modules:
        return importlib.import_module(name)
    spec = importlib.util.find_spec("evidently")
    assert spec is not None
    sys.modules["evidently"] = importlib.util.module_from_spec(spec)  # the package without running its __init__
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules["evidently"]


def write_html(
    path: Path, reference: pd.DataFrame, current: pd.DataFrame, share: float, threshold: float | None
) -> dict[str, str]:
    """Evidently's own drift report of two tables with the same columns; its bytes differ from run to run.

    Evidently puts names and categories into the page as they are, so the characters of markup are replaced. Columns
    that it can't draw are left out, and returned with the reason; PipelineError where nothing is left.
    """
    undrawn = dict[str, str]()
    try:
        page = _drawn(reference, current, share, threshold)
    except Exception:  # of any type: NumPy's histograms, for one, refuse numbers that are too far apart
        undrawn = _undrawn(reference, current, share, threshold)
        names = [name for name in reference.columns if name not in undrawn]
        if not undrawn:
            raise
        if not names:
            raise PipelineError(
                f"{path}: Evidently can draw none of the columns {listed(undrawn)}; --json measures them all the same"
            ) from None
        page = _drawn(reference[names], current[names], share, threshold)
    files.write_text(path, page)
    return undrawn


def _undrawn(reference: pd.DataFrame, current: pd.DataFrame, share: float, threshold: float | None) -> dict[str, str]:
    """The columns that Evidently can't draw, each with the reason."""
    reasons = dict[str, str]()
    for name in reference.columns:
        try:
            _drawn(reference[[name]], current[[name]], share, threshold)
        except Exception as error:
            reasons[str(name)] = f"Evidently can't draw it ({' '.join(str(error).split())[:100]})"
    return reasons


def _drawn(reference: pd.DataFrame, current: pd.DataFrame, share: float, threshold: float | None) -> str:
    """Evidently's report as a page."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        reference, current = _without_markup(reference), _without_markup(current)
        numbers = list(reference.select_dtypes("number").columns)
        roles = DataDefinition(
            numerical_columns=numbers, categorical_columns=[name for name in reference.columns if name not in numbers]
        )
        report = Report([DataDriftPreset(drift_share=share, threshold=threshold)], include_tests=False)
        run = report.run(Dataset.from_pandas(current, roles), Dataset.from_pandas(reference, roles))
        return str(run.get_html_str(as_iframe=False))


def _without_markup(table: pd.DataFrame) -> pd.DataFrame:
    replacements = str.maketrans({"<": "‹", ">": "›"})
    clean = table.map(lambda value: value.translate(replacements) if isinstance(value, str) else value)
    names = [str(name).translate(replacements) for name in table.columns]
    clean.columns = pd.Index([name if names.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(names)])
    return clean
