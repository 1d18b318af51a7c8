"""Fixtures for tests of the model: the model and the test rows, as `make run` wrote them."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.models.model import Model, load

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def model() -> Model:
    """The model that ships; `model.predict(table)` gives a score for each row of raw columns."""
    return _load("models")


@pytest.fixture(scope="session")
def measured_model() -> Model:
    """The model that the metrics are of: with `split.time` the one that ships has learned the test rows as well."""
    return _load("models/measured")


def _load(folder: str) -> Model:
    if not (ROOT / folder / "model.txt").is_file():
        pytest.skip("no model yet: `make run` trains one")
    return load(ROOT / folder)


@pytest.fixture(scope="session")
def test_rows() -> pd.DataFrame:
    """The rows that the measured model was not trained on, with their target."""
    if not (path := ROOT / "data/split/test.parquet").is_file():
        pytest.skip("no test rows yet: `make run` makes them")
    return pd.read_parquet(path)
