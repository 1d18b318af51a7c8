"""A folder to tune in, without a pipeline that ran."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pipeline.core import params
from pipeline.train.tuning import tune
from tests.pipeline.conftest import FROZEN

SPACE = """\
  space:                                # train parameter
    learning_rate: {low: 0.05, high: 0.5, log: true}
    num_leaves: {low: 2, high: 16}
    class_weight: [none, balanced]
"""


def table(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 3))
    odds = x[:, 0] + x[:, 1] * x[:, 2]
    columns = {"id": np.arange(rows), "a": x[:, 0], "b": x[:, 1], "c": x[:, 2]}
    return pd.DataFrame(columns | {"y": (random.random(rows) < 1 / (1 + np.exp(-2 * odds))).astype(int)})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a small split and a params.yaml made of the repository's; its train parameters are poor."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # no server: MLflow's import and database take 15 s
    text = (FROZEN / "params.yaml").read_text()
    text = text[: text.index("  space:")] + SPACE
    for old, new in {
        "key: client_id": "key: id",
        "target: default_next_month": "target: y",
        "max_trees: 2000": "max_trees: 60",
        "early_stopping: 50": "early_stopping: 10",
        "learning_rate: 0.05": "learning_rate: 0.0001",
        "primary: roc_auc": "primary: log_loss",
        "experiment: credit-default": "experiment: small",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "params.yaml").write_text(text)
    (tmp_path / "data/split").mkdir(parents=True)
    table(400, 0).to_parquet("data/split/train.parquet")
    table(200, 1).to_parquet("data/split/validation.parquet")
    params._read.cache_clear()
    yield tmp_path
    params._read.cache_clear()


def run(*arguments: str) -> Result:
    params._read.cache_clear()
    return CliRunner().invoke(tune.command, list(arguments), catch_exceptions=False)
