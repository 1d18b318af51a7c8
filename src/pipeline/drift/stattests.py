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
import pandas as pd

from pipeline.core import files

FeatureType = Literal["num", "cat"]
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

    The figures are those of `evidently.metrics.ValueDrift`, which calls the same two functions.
    """
    tests = _tests()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        test = tests.get_stattest(reference, current, kind, name)
        result = test(reference, current, tests.ColumnType(kind), threshold)
    value = float(result.drift_score)
    if not np.isfinite(value):
        return None
    return Score(test.display_name, round(value, 9), float(result.actual_threshold), bool(result.drifted))


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
) -> None:
    """Evidently's own drift report of two tables with the same columns; its bytes differ from run to run.

    Evidently puts names and categories into the page as they are, so the characters of markup are replaced.
    """
    with warnings.catch_warnings():
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
        with files.replacing(path) as temporary:
            run.save_html(str(temporary))


def _without_markup(table: pd.DataFrame) -> pd.DataFrame:
    replacements = str.maketrans({"<": "‹", ">": "›"})
    clean = table.map(lambda value: value.translate(replacements) if isinstance(value, str) else value)
    names = [str(name).translate(replacements) for name in table.columns]
    clean.columns = pd.Index([name if names.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(names)])
    return clean
