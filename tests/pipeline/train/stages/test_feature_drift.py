"""Drift of features in code is in the report of the columns' drift, and changes nothing of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pipeline.core.params import Split
from pipeline.features import code as codes
from pipeline.models.signature import Feature, RawColumn, Signature
from pipeline.train.card import tables
from pipeline.train.stages.drift import command
from tests.pipeline.conftest import FROZEN
from tests.pipeline.features import made

SOURCE = """
def doubled(amount, limit):
    return 2 * amount + limit

def town(city):
    return city

def against(city, state):
    return state.lookup(city, default=0.0)

def fit_against(city, target):
    return {"Oslo": 1.0, "Rome": 2.0 + 0 * target.sum()}
"""
TABLES = ["--reference", "train.parquet", "--current", "test.parquet"]


def signature(code: codes.FeatureCode) -> Signature:
    fixed: dict[str, Any] = {"task": "regression", "target": "target", "key": "key", "positive": None, "classes": ()}
    kinds: dict[str, Any] = {"doubled": "number", "town": "category", "against": "number"}
    features = [Feature(name=name, source=name, kind=kind, nullable=True) for name, kind in kinds.items()]
    read: dict[str, Any] = {"amount": "number", "city": "category"}
    raw = [RawColumn(name=name, kind=kind, nullable=True) for name, kind in read.items()]
    split = Split(test=0.2, validation=0.2, seed=0, time=None)
    rest: dict[str, Any] = {"threshold": None, "quantile": 0.5, "split": split, "device": "cpu", "raw": tuple(raw)}
    return Signature(format=4, **fixed, **rest, features=tuple(features), derived=(*kinds,), code=code.version)


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The report with features, of rows whose amount has drifted."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((FROZEN / "params.yaml").read_bytes())
    rows = 400
    code = made.fitted(SOURCE, folds=np.arange(made.ROWS) % 5)
    codes.write(code, Path("features"), Path("folds.json"))
    Path("signature.json").write_text(signature(code).model_dump_json(), encoding="utf-8")
    for name, seed, shift in (("train", 0, 0), ("test", 1, 500)):
        frame = pd.DataFrame(made.columns(rows, seed)).assign(key=range(rows))
        frame.assign(amount=frame["amount"] + shift).to_parquet(f"{name}.parquet")
    _run("--json", "without.json")
    output = _run("--features", "features", "--folds", "folds.json", "--json", "with.json")
    assert output.endswith("drift: features in code, shown and not judged: 1 of 3 drifted: doubled\n")
    return dict(json.loads(Path("with.json").read_text(encoding="utf-8")))


def _run(*options: str) -> str:
    result = CliRunner().invoke(command, [*TABLES, "--signature", "signature.json", *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_features_are_compared_beside_the_columns_and_not_judged(report: dict[str, Any]) -> None:
    features = report.pop("features")
    assert {one["column"]: one["drifted"] for one in features["columns"]} == {
        "doubled": True,
        "town": False,
        "against": False,
    }
    assert report == json.loads(Path("without.json").read_text(encoding="utf-8"))


def test_the_card_says_which_features_drifted(report: dict[str, Any]) -> None:
    assert "Of the features in code 1 of 3 (<code>doubled</code>) drifted, which is shown and not judged." in str(
        tables.drift_text(report)
    )
    del report["features"]
    assert "features in code" not in str(tables.drift_text(report))
