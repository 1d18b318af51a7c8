"""The path of a value: out of CSV and Parquet, through contract, split, categories, log, labels and retraining it stays
the value that it was, whatever is beside it, or it is refused by name."""

import csv
import datetime
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core import parquet
from pipeline.data.contract.schema import ContractColumn, Schema, text_columns
from pipeline.data.source import readers
from pipeline.data.values import keys
from pipeline.data.values.column_types import Type
from pipeline.data.values.conversion import convert, labels
from pipeline.models.matrix import codes
from pipeline.train.stages import ingest
from pipeline.watch.retrain import label_lookup
from tests.pipeline.any_table import WORDS

pytestmark = pytest.mark.engine  # several thousand small tables
TYPES: tuple[Type, ...] = get_args(Type)
MOMENTS = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59))
COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(2**53 - 3, 2**53 + 3) | st.integers(-3, 3)),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1) | st.integers(2**63 - 3, 2**63 + 3) | st.integers(0, 3)),
    "float64": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3).map(float)),
    "decimal": (pa.decimal128(38, 4), st.decimals(-(10**30), 10**30, places=4)),
    "date": (pa.date32(), st.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31))),
    "timestamp": (pa.timestamp("us"), MOMENTS | MOMENTS.map(lambda moment: moment.replace(microsecond=0))),
    "nanoseconds": (pa.timestamp("ns"), st.integers(-(2**62), 2**62) | st.integers(0, 10**6).map(lambda n: n * 10**12)),
    "boolean": (pa.bool_(), st.booleans()),
    "text": (
        pa.string(),
        st.text(min_size=1, max_size=6) | st.sampled_from(["NA", "null", "nan", "7", "7.0", "2024-01-01"]),
    ),
}
PER_CASE = settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


def column(kind: str, most: int = 6) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | COLUMNS[kind][1], min_size=1, max_size=most)


def read_back(values: Sequence[Any], kind: str, folder: Path) -> "pd.Series[Any]":
    """A column as validation and split have it: out of a Parquet source, through the raw table."""
    table = pa.table({"x": pa.array(values, COLUMNS[kind][0]), "beside": range(len(values))})
    pq.write_table(table, folder / "source.parquet")
    ingest.write(folder / "raw.parquet", readers.read(folder / "source.parquet", "source", ".parquet"))
    return parquet.read(folder / "raw.parquet")["x"]


def told(value: Any, kind: str) -> Any:
    """A value as pyarrow gives it back: moments as datetimes, or as pandas' where they are finer."""
    return pd.Timestamp(value, unit="ns") if kind == "nanoseconds" else value


def number(value: Any) -> Fraction | None:
    """A value as a number, exactly; None where it is none."""
    if isinstance(value, bool | datetime.date):
        return None
    try:
        return Fraction(Decimal(value) if isinstance(value, str) else value)
    except (ValueError, ArithmeticError):
        return None


def fits(original: Any, found: Any, kind: Type) -> bool:
    """Whether the converted value is the original one."""
    if kind == "integer":
        return number(original) == int(found)
    if kind == "number":
        exact = number(original)
        return exact is not None and float(found) == float(exact)
    if kind == "boolean":
        return bool(found) == (str(original).lower() in ("true", "yes", "t", "1", "1.0", "1.0000"))
    if kind == "date":
        return pd.Timestamp(original).tz_localize(None) == found if not isinstance(original, str) else True
    return isinstance(found, str)


@PER_CASE
@given(st.data())
@pytest.mark.parametrize("declared", TYPES)
@pytest.mark.parametrize("kind", COLUMNS)
def test_from_parquet_each_value_is_the_same_or_refused_whatever_is_beside_it(
    kind: str, declared: Type, tmp_path: Path, data: st.DataObject
) -> None:
    values = data.draw(column(kind))
    typed, wrong = convert(read_back(values, kind, tmp_path), declared)
    texts, places = labels(typed), keys.fractions(pd.DataFrame({"x": labels(typed).fillna("")}), "x", 0)
    for at, value in enumerate(values):
        single, refused = convert(read_back([value], kind, tmp_path), declared)
        assert bool(refused[0]) == bool(wrong[at])
        if value is None or wrong[at]:
            assert pd.isna(typed.iloc[at])
            continue
        assert fits(told(value, kind), typed.iloc[at], declared)
        assert labels(single).iloc[0] == texts.iloc[at]
        assert keys.fractions(pd.DataFrame({"x": labels(single)}), "x", 0)[0] == places[at]
        assert codes(single, ("", texts.iloc[at])).tolist() == [1]


@PER_CASE
@given(st.data())
@pytest.mark.parametrize("kind", COLUMNS)
def test_different_values_of_a_column_have_different_texts(kind: str, tmp_path: Path, data: st.DataObject) -> None:
    values = data.draw(column(kind))
    texts = labels(read_back(values, kind, tmp_path))
    present = {value for value in values if value is not None}
    assert texts.nunique() == len(present)
    assert texts.isna().tolist() == [value is None for value in values]


def written(value: Any) -> str:
    """A value as it stands in CSV."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


WRITTEN = st.sampled_from(
    [word for word in WORDS if word] + ["0x10", "-007", "1.10", "True", "TRUE", "+7", "5.", "nan"]
)
WRITTEN |= st.sampled_from(["2024-01-01T00:00", "2024-01-01 12:30:00", "20240101", "1e400", "inf", "\u00fc"])
CSV_TYPES: list[tuple[str, Type]] = [
    ("int64", "integer"),
    ("int64", "text"),
    ("uint64", "integer"),
    ("uint64", "category"),
    ("float64", "number"),
    ("float64", "category"),
    ("decimal", "number"),
    ("decimal", "text"),
    ("date", "date"),
    ("date", "text"),
    ("timestamp", "date"),
    ("timestamp", "category"),
    ("boolean", "boolean"),
    ("boolean", "category"),
    *[("text", declared) for declared in TYPES],
]


@PER_CASE
@given(st.data())
@pytest.mark.parametrize(("kind", "declared"), CSV_TYPES)
def test_from_csv_each_value_is_the_same_or_refused(
    kind: str, declared: Type, tmp_path: Path, data: st.DataObject
) -> None:
    values = data.draw(st.lists(st.none() | (WRITTEN if kind == "text" else COLUMNS[kind][1]), min_size=1, max_size=6))
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["x", "beside"], *([written(value), 1] for value in values)])
    contract = Schema(columns={"x": ContractColumn(type=declared, nullable=True)})
    table = readers.read(tmp_path / "a.csv", "a.csv", ".csv", text=text_columns(contract))
    typed, wrong = convert(parquet.to_pandas(table)["x"], declared)
    for at, value in enumerate(values):
        if value is None:
            assert pd.isna(typed.iloc[at])
        elif wrong[at]:
            assert kind == "text" or (kind == "uint64" and int(value) >= 2**63)
            assert declared not in ("text", "category")
        elif declared in ("text", "category"):
            assert typed.iloc[at] == written(value)
        else:
            assert fits(value, typed.iloc[at], declared)


KEYS: list[tuple[str, Type]] = [("int64", "integer"), ("uint64", "text"), ("timestamp", "date"), ("text", "text")]


@PER_CASE
@given(st.data())
@pytest.mark.parametrize(("kind", "declared"), KEYS)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_labels_bring_the_keys_of_the_data(
    kind: str, declared: Type, ending: str, tmp_path: Path, data: st.DataObject
) -> None:
    strategy = COLUMNS[kind][1] if kind != "text" else st.sampled_from(["NA", "null", "nan", "007", "7.0", "x"])
    values = data.draw(st.lists(st.none() | strategy, min_size=1, max_size=6))
    ids = [f"r-{at}" for at in range(len(values))]
    path = tmp_path / f"labels.{ending}"
    if ending == "csv":
        rows = [["id", "label", "key"], *([row, "NA", written(key)] for row, key in zip(ids, values, strict=True))]
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(rows)
    else:
        pq.write_table(
            pa.table({"id": ids, "label": ["NA"] * len(ids), "key": pa.array(values, COLUMNS[kind][0])}), path
        )
    found = label_lookup.read(str(path), "key", declared)
    in_data = keys.texts(read_back(values, kind, tmp_path), declared)
    assert found.values == dict.fromkeys(ids, "NA")
    assert (found.keys or {}) == {
        row: text for row, text, key in zip(ids, in_data, values, strict=True) if key is not None
    }
