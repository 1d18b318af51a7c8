"""Fields that the contract lists as retired are accepted and ignored: a feature is dropped in two releases."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import PipelineError
from pipeline.core.params import Split
from pipeline.data.contract.schema import Schema
from pipeline.models.signature import Feature, Signature
from pipeline.ship.service import columns, log
from pipeline.ship.service.request import RefusalError, RequestModel
from pipeline.ship.service.request_rows import Rows
from tests.pipeline.conftest import Project
from tests.pipeline.ship.service.conftest import ROW as SERVED
from tests.pipeline.ship.service.conftest import serving

ROW = {"age": 40.0, "town": "Oslo"}
FEATURES = (
    Feature(name="age", source="age", kind="number", nullable=False),
    Feature(name="town", source="town", kind="category", categories=("Bergen", "Oslo"), nullable=True),
)
SIGNATURE = Signature(
    task="regression",
    target="y",
    key=None,
    positive=None,
    classes=(),
    threshold=None,
    quantile=0.5,
    features=FEATURES,
    split=Split(test=0.2, validation=0.2, seed=0, time=None),
    device="cpu",
)
RETIRED = [["sex"], ["sex", 'odd "name"']]  # the second: a name that the fast path can't take


def contract(retired: list[str]) -> Schema:
    column = {"type": "number", "nullable": False}
    return Schema.model_validate({"columns": {"age": column, "y": column}, "retired": retired})


def readers(retired: list[str]) -> tuple[Rows, RequestModel]:
    fields = columns.columns(SIGNATURE, contract(retired))
    ignored = columns.retired(SIGNATURE, contract(retired))
    return Rows(SIGNATURE, fields, 100, ignored), RequestModel(fields, 100, ignored)


def read(body: bytes, retired: list[str]) -> tuple[Rows, list[Any]]:
    """As the service reads a body: by the fast path, and where that refuses it by the request model."""
    rows, model = readers(retired)
    try:
        return rows, rows.decode(body)
    except ValueError:
        return rows, rows.read(model.read(body))


@pytest.mark.parametrize("retired", RETIRED)
@pytest.mark.parametrize("value", ["female", 1, None, True, [1, {"a": None}], "x" * 1000])
def test_a_retired_field_of_any_value_changes_nothing(retired: list[str], value: Any) -> None:
    body = json.dumps({"rows": [ROW, ROW | {"sex": value}, {"sex": value, "age": 41, "town": "Rome"}, ROW]}).encode()
    rows, decoded = read(body, retired)
    matrix = rows.encode(decoded)
    np.testing.assert_array_equal(matrix, [[40, 1], [40, 1], [41, np.nan], [40, 1]])
    assert {at: flags.unseen for at, flags in rows.flags(decoded, matrix).items()} == {2: ["town"]}
    assert rows.count_retired(decoded) == 2


def test_the_fast_path_takes_rows_with_and_without_it() -> None:
    rows, _ = readers(["sex"])
    assert len(rows.decode(json.dumps({"rows": [ROW, ROW | {"sex": "female"}] * 50}).encode())) == 100


@given(st.dictionaries(st.sampled_from(["age", "town", "sex", "Sex"]), st.none() | st.integers() | st.text()))
def test_both_paths_agree_on_what_they_accept(row: dict[str, Any]) -> None:
    rows, model = readers(["sex"])
    body = json.dumps({"rows": [row]}).encode()
    try:
        matrix = rows.encode(rows.decode(body))
    except ValueError:
        with pytest.raises(RefusalError):
            model.read(body)
    else:
        np.testing.assert_array_equal(matrix, rows.encode(rows.read(model.read(body))))


def test_a_field_that_is_not_listed_is_still_refused_and_the_hint_knows_the_retired_ones() -> None:
    _, model = readers(["sex"])
    with pytest.raises(RefusalError, match=r"rows\[0\]\.street is not a field; allowed: age, town$"):
        model.read(json.dumps({"rows": [ROW | {"street": "x"}]}).encode())
    with pytest.raises(RefusalError, match=r"rows\[0\]\.sexx is not a field; allowed: sex, which is retired"):
        model.read(json.dumps({"rows": [ROW | {"sexx": "x"}]}).encode())


def test_the_description_says_that_it_is_ignored() -> None:
    _, model = readers(["sex"])
    row = model.schema()["$defs"]["Row"]
    assert row["properties"]["sex"]["deprecated"] is True
    assert "ignored" in row["properties"]["sex"]["description"]
    assert row["required"] == ["age"]
    assert "sex" not in model.example["rows"][0]


def test_it_is_not_logged() -> None:
    encode = log.feature_encoder(["age", "town"], ["sex"])
    body = json.dumps({"rows": [ROW | {"sex": "female"}, ROW]}).encode()
    logged = encode(log.Record(0.0, "r", 1.0, body, [None, None], b""))
    assert [json.loads(bytes(line)) for line in logged] == [ROW, ROW]


def test_a_feature_of_the_model_can_not_be_retired() -> None:
    with pytest.raises(PipelineError, match=r"^data/schema\.yaml: retired: age is a feature of models/model\.txt"):
        columns.retired(SIGNATURE, contract(["age"]))


@pytest.mark.engine
def test_the_service_answers_logs_and_counts(binary: Project, tmp_path: Path) -> None:
    text = binary.read("data/schema.yaml")
    try:
        (binary.folder / "data/schema.yaml").write_text(f"{text}retired: [street]\n")
        with serving(binary.folder, tmp_path / "logs") as server:
            plain, sent = {"rows": [SERVED, SERVED]}, {"rows": [SERVED, SERVED | {"street": "Main"}]}
            for endpoint in ("/predict", "/explain"):
                replies = [server.post(endpoint, body, X_Request_ID="r") for body in (plain, sent)]
                assert [reply.status for reply in replies] == [200, 200]
                assert replies[0].json == replies[1].json
            assert [line["features"] for line in server.logged(4)] == [SERVED] * 4
            assert server.metric("pipeline_rows_with_retired_field_total") == 1
    finally:
        (binary.folder / "data/schema.yaml").write_text(text)
