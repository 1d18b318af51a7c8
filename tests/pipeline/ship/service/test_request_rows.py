"""The service encodes and scores rows exactly as training does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.models import matrix as features
from pipeline.models import model
from pipeline.ship.service import predictor
from pipeline.ship.service.request import RefusalError
from tests.pipeline.conftest import Project
from tests.pipeline.ship.service.conftest import ROW

pytestmark = pytest.mark.engine


def body_of(table: pd.DataFrame, columns: list[str]) -> bytes:
    """The rows as JSON, with null for missing values."""
    values = table[columns].astype(object)
    plain = values.where(values.notna(), None).to_dict("records")
    dated = [{name: _plain(value) for name, value in row.items()} for row in plain]
    return json.dumps({"rows": dated}).encode()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, pd.Timestamp) else value


@pytest.mark.parametrize("batch", [1, 100])
def test_rows_are_encoded_and_scored_as_in_training_to_the_bit(project: Project, batch: int) -> None:
    served, trained = predictor.load(project.folder), model.load(project.folder / "models")
    table = pd.read_parquet(project.folder / "data/split/test.parquet")
    table.loc[table.index[3], "town"] = "Bodø"  # unseen
    table.loc[table.index[4], "since"] = table["since"].iloc[0] + pd.Timedelta("3h 4min 5.678901s")
    expected, scores = features.encode(table, trained.signature), trained.predict(table)
    for start in range(0, len(table), batch):
        rows = slice(start, start + batch)
        _, matrix, _ = served.read(body_of(table[rows], trained.signature.columns))
        np.testing.assert_array_equal(matrix, expected[rows])
        answer = json.loads(served.predict(body_of(table[rows], trained.signature.columns), "r").content)
        predictions = answer["predictions"]
        served_scores = [
            list(row["probabilities"].values()) if scores.ndim == 2 else row["score"] for row in predictions
        ]
        np.testing.assert_array_equal(served_scores, scores[rows])


def test_contributions_are_those_of_the_model(project: Project) -> None:
    served, trained = predictor.load(project.folder), model.load(project.folder / "models")
    table = pd.read_parquet(project.folder / "data/split/test.parquet").head(20)
    _, matrix, _ = served.read(body_of(table, trained.signature.columns))
    np.testing.assert_array_equal(
        served.booster.contributions(matrix).reshape(20, -1),
        trained.booster.predict(features.encode(table, trained.signature), pred_contrib=True),
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ROW, "x"]), inner, max_size=6),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(
    changes=st.dictionaries(st.sampled_from([*ROW, "x", "AGE"]), JSON, max_size=3),
    dropped=st.sets(st.sampled_from([*ROW]), max_size=2),
)
def test_the_fast_path_accepts_nothing_that_the_request_model_refuses(
    binary: Project, changes: dict[str, Any], dropped: set[str]
) -> None:
    served = predictor.load(binary.folder)
    row = {name: value for name, value in {**ROW, **changes}.items() if name not in dropped}
    body = json.dumps({"rows": [row]}).encode()
    try:
        rows = served.rows.decode(body)
        matrix = served.rows.encode(rows)
    except (ValueError, RecursionError):
        with pytest.raises(RefusalError):
            served.request.read(body)
    else:
        expected = served.rows.encode(served.rows.read(served.request.read(body)))
        np.testing.assert_array_equal(matrix, expected)


def test_serving_imports_no_pandas(binary: Project) -> None:
    load = "from pipeline.ship.service import app, predictor; predictor.load(app.Path())"
    loaded = binary.ok("python", "-c", f"{load}; import sys; print(*sys.modules)").split()
    assert not {"pandas", "scipy", "sklearn", "lightgbm", "mlflow", "dvc", "evidently"} & set(loaded)
    assert Path(binary.folder).exists()
