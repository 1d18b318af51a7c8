"""The data contract: inferring it, reading it, and converting values to their declared types."""

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.data.contract import inference, schema
from pipeline.data.contract.schema import ContractColumn, Schema
from pipeline.data.source import fetch
from pipeline.data.values import conversion
from pipeline.data.values.column_types import Type
from tests.pipeline.conftest import FROZEN

TABLE = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "code": ["a1", "b2", "c3", "d4"],
        "town": ["Oslo", "Oslo", "Oslo", None],
        "age": [18, 40, 33, 50],
        "balance": [-1.5, 2.0, 3.0, 4.0],
        "children": [0.0, 2.0, None, 1.0],
        "member": [True, False, True, None],
        "since": ["2020-01-31", "2021-02-28", "2020-01-31", None],
        "born": pd.to_datetime(["2000-01-01"] * 4),
        "empty": [None] * 4,
        "outcome": [0, 1, 1, 0],
    }
)


def test_the_inferred_contract_has_types_nulls_categories_and_the_key() -> None:
    assert inference.infer(TABLE, "id").columns == {
        "id": ContractColumn(type="integer", nullable=False, unique=True),
        "code": ContractColumn(type="text", nullable=False),
        "town": ContractColumn(type="category", nullable=True, allowed=("Oslo",)),
        "age": ContractColumn(type="integer", nullable=False, min=0),
        "balance": ContractColumn(type="number", nullable=False),
        "children": ContractColumn(type="integer", nullable=True, min=0),
        "member": ContractColumn(type="boolean", nullable=True),
        "since": ContractColumn(type="date", nullable=True),
        "born": ContractColumn(type="date", nullable=False),
        "empty": ContractColumn(type="number", nullable=True),
        "outcome": ContractColumn(type="integer", nullable=False, allowed=(0, 1)),
    }


def test_few_categories_are_listed_and_many_are_not() -> None:
    few = inference.column(pd.Series(["b", "a"] * 10), False)
    assert few == ContractColumn(type="category", nullable=False, allowed=("a", "b"))
    many = inference.column(pd.Series([f"town {number}" for number in range(60)] * 3), False)
    assert many == ContractColumn(type="category", nullable=False)


def test_an_inferred_contract_fits_its_table(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(inference.document(inference.infer(TABLE, "id")))
    contract = schema.read(path)
    assert contract == inference.infer(TABLE, "id")
    assert [str(kind) for kind in schema.typed(TABLE, contract).dtypes] == [
        "int64",
        "str",
        "str",
        "int64",
        "float64",
        "Int64",
        "boolean",
        "datetime64[us]",
        "datetime64[us]",
        "float64",
        "int64",
    ]


def test_a_category_that_looks_like_a_truth_value_or_a_number_stays_text(tmp_path: Path) -> None:
    contract = inference.infer(pd.DataFrame({"x": ["no", "null", "1", "1e3", "no", "null", "1", "1e3"]}), None)
    (tmp_path / "schema.yaml").write_text(inference.document(contract))
    assert schema.read(tmp_path / "schema.yaml") == contract
    assert contract.columns["x"].allowed == ("1", "1e3", "no", "null")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{type: integr, nullable: false}", "columns.x: type: is 'integr'; allowed: 'integer', 'number'"),
        ("{nullable: false}", "columns.x: type: missing"),
        ("{type: text}", "columns.x: nullable: missing"),
        ("{type: text, nullable: 1}", "columns.x: nullable: is 1; allowed: a boolean"),
        ("{type: text, nullable: false, nulable: true}", "columns.x: nulable: unknown key; did you mean nullable?"),
        ("{type: text, nullable: false, min: 1}", "columns.x: min: 1 does not bound type text"),
        ("{type: number, nullable: false, min: 2, max: 1}", "columns.x: min: 2 is above max: 1"),
        ("{type: date, nullable: false, min: 2}", "columns.x: min: 2 does not bound type date"),
        ("{type: integer, nullable: false, min: low}", "columns.x: min: is 'low'; allowed: "),
        (
            "{type: category, nullable: false, allowed: [1, 2]}",
            "allowed: 1 is no value of type category (str); put it in",
        ),
        ("{type: category, nullable: false, allowed: []}", "columns.x: allowed: is "),
        ("{type: category, nullable: false, allowed: a}", "columns.x: allowed: is 'a'; allowed: "),
        ("{type: integer, nullable: false, allowed: [true]}", "allowed: True is no value of type integer"),
        ("text", "columns.x: is 'text'; allowed: a mapping"),
    ],
)
def test_a_mistake_in_the_contract_is_one_line_that_names_the_key(tmp_path: Path, line: str, expected: str) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(f"columns:\n  x: {line}\n")
    with pytest.raises(PipelineError) as error:
        schema.read(path)
    assert expected in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_every_mistake_in_the_contract_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text("columns:\n  date: {type: dat, nullable: false, min: low}\n  int: {nullable: false}\nrows: 3\n")
    with pytest.raises(PipelineError) as error:
        schema.read(path)
    lines = str(error.value).splitlines()
    assert [line.split(": ")[1:3] for line in lines] == [
        ["columns.date", "type"],
        ["columns.date", "min"],
        ["columns.int", "type"],
        ["rows", "unknown key; allowed"],
    ]


def test_a_missing_contract_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="`pipeline schema`"):
        schema.read(tmp_path / "schema.yaml")


TEXT_OF_DATES = ["2020-01-31", "2020-01-31T10:00:00+02:00", "31/01/2020", "soon", None]


@pytest.mark.parametrize(
    ("kind", "values", "expected", "wrong"),
    [
        ("integer", pd.Series([1, 2]), [1, 2], [False, False]),
        ("integer", pd.Series([1.0, 2.5, None]), [1, None, None], [False, True, False]),
        ("integer", pd.Series(["1", "x", "2.0"]), [1, None, 2], [False, True, False]),
        ("integer", pd.Series([True, False]), [None, None], [True, True]),
        ("integer", pd.Series([True, None], dtype=object), [None, None], [True, False]),
        ("integer", pd.Series([2**60, 2**60 + 1]), [2**60, 2**60 + 1], [False, False]),
        ("number", pd.Series([1, 2]), [1.0, 2.0], [False, False]),
        ("number", pd.Series([1.5, float("inf"), None]), [1.5, None, None], [False, True, False]),
        ("number", pd.Series([Decimal("1.5"), None], dtype=object), [1.5, None], [False, False]),
        ("number", pd.Series(pd.to_datetime(["2020-01-01"])), [None], [True]),
        ("boolean", pd.Series([True, False]), [True, False], [False, False]),
        ("boolean", pd.Series(["Yes", "no", "x", None]), [True, False, None, None], [False, False, True, False]),
        ("boolean", pd.Series([0, 1, 2]), [False, True, None], [False, False, True]),
        ("category", pd.Series([1.0, None, 3.0]), ["1", None, "3"], [False, False, False]),
        ("category", pd.Series([True, None], dtype=object), ["true", None], [False, False]),
        ("text", pd.Series(["007", None]), ["007", None], [False, False]),
        (
            "date",
            pd.Series(TEXT_OF_DATES),
            [pd.Timestamp("2020-01-31"), pd.Timestamp("2020-01-31 08:00"), None, None, None],
            [False, False, True, True, False],
        ),
        ("date", pd.Series([datetime.date(2020, 1, 31), None]), [pd.Timestamp("2020-01-31"), None], [False, False]),
        ("date", pd.Series([20200131]), [None], [True]),
        ("date", pd.Series([None, None], dtype=object), [None, None], [False, False]),
        ("number", pd.Series([None, None], dtype=object), [None, None], [False, False]),
    ],
)
def test_values_are_converted_to_their_type_and_wrong_ones_are_marked(
    kind: Type, values: "pd.Series[Any]", expected: list[Any], wrong: list[bool]
) -> None:
    before = values.copy()
    converted, mask = conversion.convert(values, kind)
    assert [None if pd.isna(value) else value for value in converted] == expected
    assert mask.tolist() == wrong
    pd.testing.assert_series_equal(values, before)


@pytest.mark.parametrize("stored", [pd.Series([7, 8]), pd.Series([7.0, 8.0]), pd.Series(["7", "8"])])
def test_a_label_is_the_same_however_it_is_stored(stored: "pd.Series[Any]") -> None:
    assert conversion.labels(stored).tolist() == ["7", "8"]


@pytest.mark.parametrize("kind", ["float64", "object", "category"])
def test_whole_and_fractional_numbers_keep_their_own_labels(kind: Any) -> None:
    assert conversion.labels(pd.Series([1.0, 2.5]).astype(kind)).tolist() == ["1", "2.5"]


def test_among_other_values_a_whole_float_is_named_like_an_integer() -> None:
    mixed = pd.Series([1.0, np.float32(2), 2.5, float("inf"), "a", 3, None], dtype=object)
    assert conversion.labels(mixed).dropna().tolist() == ["1", "2", "2.5", "inf", "a", "3"]
    assert conversion.labels(mixed).isna().tolist() == [False] * 6 + [True]
    assert conversion.labels(pd.Series([True, None]).astype("category")).dropna().tolist() == ["true"]


def test_a_table_that_does_not_fit_the_contract_is_refused() -> None:
    contract = Schema(columns={"x": ContractColumn(type="integer", nullable=False)})
    with pytest.raises(PipelineError, match="column x: 1 values are no integer"):
        schema.typed(pd.DataFrame({"x": ["1", "many"]}), contract)
    with pytest.raises(PipelineError, match="column x: is in the data contract and not in the table"):
        schema.typed(pd.DataFrame({"y": [1]}), contract)


def test_the_command_replaces_a_contract_only_with_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (FROZEN / "params.yaml").read_text().replace("data/credit_default.parquet", "table.csv")
    Path("params.yaml").write_text(text.replace("key: client_id", "key: id"))
    TABLE.to_csv("table.csv", index=False)
    fetch.refresh(params.section(params.Data))
    assert CliRunner().invoke(inference.command, [], catch_exceptions=False).exit_code == 0
    assert Path("data/schema.yaml").read_text().startswith("# The data contract")
    assert schema.read(Path("data/schema.yaml")).columns["since"].type == "date"
    Path("data/schema.yaml").write_text("mine")
    with pytest.raises(PipelineError, match="--force"):
        CliRunner().invoke(inference.command, [], catch_exceptions=False)
    assert Path("data/schema.yaml").read_text() == "mine"
    CliRunner().invoke(inference.command, ["--force"], catch_exceptions=False)
    assert list(schema.read(Path("data/schema.yaml")).columns) == list(TABLE.columns)


def test_parameters_that_name_unknown_columns_give_one_line_each() -> None:
    parameters, contract = params.read(FROZEN / "params.yaml"), schema.read(FROZEN / schema.PATH)
    assert schema.unknown_columns(parameters, contract) == []
    dated = Schema(columns=contract.columns | {"since": ContractColumn(type="date", nullable=False)})
    changed = parameters.model_copy(
        update={
            "split": parameters.split.model_copy(update={"time": "sinc"}),
            "train": parameters.train.model_copy(update={"monotone": {"since__days": 1}}),
            "evaluate": parameters.evaluate.model_copy(update={"slices": ("sexx", "age"), "sensitive": ("zzzzz",)}),
        }
    )
    time, monotone, slices, sensitive = schema.unknown_columns(changed, dated)
    assert time == "params.yaml: split.time: sinc is no column of data/schema.yaml; did you mean since?"
    assert monotone == "params.yaml: train.monotone: since__days is no column of data/schema.yaml; did you mean since?"
    assert slices == "params.yaml: evaluate.slices: sexx is no column of data/schema.yaml; did you mean sex?"
    assert sensitive.startswith("params.yaml: evaluate.sensitive: zzzzz is no column of data/schema.yaml; columns: ")


def test_a_retired_name_that_is_still_a_feature_is_one_line() -> None:
    parameters, contract = params.read(FROZEN / "params.yaml"), schema.read(FROZEN / schema.PATH)
    features = parameters.features.model_copy(update={"exclude": ("sex",)})
    names = ("gone", "sex", "age", str(parameters.data.key))
    retired = Schema(columns=contract.columns, retired=names)
    (line,) = schema.retired_features(parameters.model_copy(update={"features": features}), retired)
    assert line.startswith("data/schema.yaml: retired: age is still a feature; remove its column from the data and")


BEYOND = [2**63, 2**64 - 1, 5]
LONG_KEYS = [
    (pd.Series(BEYOND, dtype="uint64"), "text"),
    (pd.Series(map(Decimal, BEYOND), dtype=object), "text"),
    (pd.Series([2**63 - 1, -(2**63), 5]), "integer"),
    (pd.Series([Decimal(7), Decimal(2**62 + 1)], dtype=object), "integer"),
]


@pytest.mark.parametrize(("values", "kind"), LONG_KEYS)
def test_a_key_gets_a_type_that_tells_its_values_apart(values: "pd.Series[Any]", kind: str) -> None:
    assert inference.column(values, True).type == kind


def test_numbers_that_64_bits_do_not_hold_are_no_integers() -> None:
    assert inference.column(pd.Series(BEYOND, dtype="uint64"), False).type == "number"
    assert inference.column(pd.Series([1e20, None]), False).type == "number"
    assert inference.column(pd.Series([2**53 + 1, None], dtype="Int64"), False).type == "integer"
    codes = pd.Series([2**63, 2**63 + 1] * 2, dtype="uint64")
    assert inference.column(codes, False).allowed == (str(2**63), str(2**63 + 1))
