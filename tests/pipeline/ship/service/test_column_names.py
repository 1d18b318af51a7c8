"""Rows are encoded as tables are, whatever their columns are called: a feature is known by its column and part."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.core.params import Features, Split
from pipeline.data.contract.schema import ContractColumn, Schema
from pipeline.models import matrix
from pipeline.models.signature import DATE_PARTS, Feature, Signature
from pipeline.ship.service.columns import columns
from pipeline.ship.service.predictor import as_read
from pipeline.ship.service.request import RequestModel
from pipeline.ship.service.request_rows import Rows

TABLE = pd.DataFrame(
    {
        "when": pd.to_datetime(["2024-01-31", "2023-12-01", "2022-07-15"]),
        "when__month": [7.5, 8.5, 9.5],
        "when__date__days": ["a", "b", "a"],
        'size (")': [1.0, 2.0, 3.0],
        "back\\slash": ["x", "y", "x"],
        "f3": [True, False, True],
    }
)
TYPES = {"when": "date", "when__date__days": "category", "back\\slash": "category", "f3": "boolean"}
CONTRACT = Schema.model_validate(
    {"columns": {str(name): {"type": TYPES.get(str(name), "number"), "nullable": True} for name in TABLE.columns}}
)


def signature(features: tuple[Feature, ...]) -> Signature:
    split = Split(test=0.2, validation=0.2, seed=0, time=None)
    fixed = {"task": "regression", "target": "y", "key": None, "positive": None, "classes": (), "threshold": None}
    return Signature(**fixed, quantile=0.5, features=features, split=split, device="cpu")  # type: ignore[arg-type]


def served(table: pd.DataFrame, known: Signature) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """The matrix that the service makes of the table's rows."""
    fields = columns(known, CONTRACT)
    rows, model = Rows(known, fields, 100), RequestModel(fields, 100)
    dated = table.assign(**{name: table[name].astype(str) for name in table.select_dtypes("datetime").columns})
    body = json.dumps({"rows": dated.to_dict("records")}).encode()
    try:
        decoded = rows.decode(body)
    except ValueError:
        decoded = rows.read(model.read(body))
    return np.asarray(rows.encode(decoded))


@pytest.mark.parametrize("names", [["when", "when__month"], ["when__date__days", "when", "when__month"], [*TABLE]])
def test_the_service_encodes_columns_of_any_name_as_training_does(names: list[str]) -> None:
    known = signature(matrix.learn(TABLE[names], Features(exclude=(), max_categories=10), set()))
    np.testing.assert_array_equal(served(TABLE[names], known), matrix.encode(TABLE, known))
    assert len({feature.name for feature in known.features}) == len(known.features)


def test_a_model_of_an_older_version_with_two_features_of_one_name_is_served_as_it_was_trained() -> None:
    parts = (Feature(name=f"when__{part}", source="when", kind="date", nullable=False) for part in DATE_PARTS)
    own = Feature(name="when__month", source="when__month", kind="number", nullable=False)
    known, table = signature((*parts, own)), TABLE[["when", "when__month"]]
    np.testing.assert_array_equal(served(table, known)[:, 1], [1, 12, 7])
    np.testing.assert_array_equal(served(table, known)[:, 3], [7.5, 8.5, 9.5])
    np.testing.assert_array_equal(served(table, known), matrix.encode(table, known))


def test_the_parts_of_a_date_keep_their_usual_names_where_no_column_has_them() -> None:
    features = matrix.learn(TABLE[["when"]], Features(exclude=(), max_categories=10), set())
    assert [feature.name for feature in features] == ["when__days", "when__month", "when__weekday"]


def test_bounds_of_the_contract_hold_for_the_days_of_a_date_alone() -> None:
    contract = CONTRACT.columns | {
        "when": ContractColumn.model_validate_json('{"type": "date", "nullable": true, "min": "2023-01-01"}')
    }
    known = signature(matrix.learn(TABLE[["when", "when__month"]], Features(exclude=(), max_categories=10), set()))
    rows = Rows(known, columns(known, Schema(columns=contract)), 100)
    decoded = rows.decode(
        b'{"rows": [{"when": "2022-07-15", "when__month": -5}, {"when": "2024-01-31", "when__month": 1}]}'
    )
    assert {at: flags.outside for at, flags in rows.flags(decoded, rows.encode(decoded)).items()} == {0: ["when"]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"rows": [{"a": "x", "a": 9007199254740993}]}', b'{"rows": [{"a": 9007199254740993}]}'),
        (b'{"rows": NaN, "rows": [{"a": 0.1}]}', b'{"rows": [{"a": 0.1}]}'),
        (b'{"rows": [{"a": 1, "retired": NaN}]}', b""),
        (b'{"rows": ' + b"[" * 5000 + b"]" * 5000 + b', "rows": [{"a": 1}]}', b""),
        (b'{"rows": ' + b"9" * 5000 + b', "rows": [{"a": 1}]}', b""),
    ],
)
def test_what_is_logged_of_a_body_that_the_request_model_read_keeps_all_digits(body: bytes, expected: bytes) -> None:
    assert as_read(body) == expected
