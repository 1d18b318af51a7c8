"""The split: a row keeps its side whatever comes beside it, shares come out, and time is never torn."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.params import Split
from pipeline.stages import split
from tests.conftest import ROOT


def knobs(test: float = 0.2, validation: float = 0.2, seed: int = 0, time: str | None = None) -> Split:
    return Split(test=test, validation=validation, seed=seed, time=time)


def keyed(keys: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": keys})


seeds = st.integers(0, 2**31 - 1)
keys = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=60, unique=True),
    st.lists(st.text(max_size=8), min_size=1, max_size=60, unique=True),
)


@settings(deadline=None)
@given(keys, st.data(), seeds)
def test_neither_other_rows_nor_their_order_move_a_row(keys: list[Any], draw: st.DataObject, seed: int) -> None:
    some = draw.draw(st.lists(st.sampled_from(keys), min_size=1, unique=True))
    everything = dict(zip(keys, split.fractions(keyed(keys), "id", seed), strict=True))
    assert split.fractions(keyed(some), "id", seed).tolist() == [everything[key] for key in some]


rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(allow_nan=False, width=32)),
        st.sampled_from(["Oslo", "Bergen", None]),
        st.booleans(),
        st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2100-01-01")),
    ),
    min_size=1,
    max_size=30,
)


def unkeyed(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    numbers, towns, members, dates = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "number": pd.Series(numbers, dtype="float64"),
            "town": pd.Series(towns, dtype="str"),
            "member": pd.Series(members, dtype="bool"),
            "since": pd.Series(dates, dtype="datetime64[us]"),
        }
    )


@settings(deadline=None)
@given(rows, rows, seeds)
def test_without_a_key_a_row_keeps_its_side_and_shares_it_with_its_equals(
    rows: list[tuple[Any, ...]], more: list[tuple[Any, ...]], seed: int
) -> None:
    alone = split.fractions(unkeyed(rows), None, seed)
    together = split.fractions(unkeyed([*more, *rows, *rows]), None, seed)
    assert together[len(more) :].tolist() == [*alone, *alone]


def test_without_a_key_columns_may_be_stored_otherwise() -> None:
    table = pd.DataFrame({"x": [1, 2, 3], "y": [True, False, True], "z": ["a", "b", "a"]})
    other = table[["z", "y", "x"]].astype({"x": "float64", "y": "boolean"})
    assert split.fractions(table, None, 0).tolist() == split.fractions(other, None, 0).tolist()


def test_without_a_key_rows_that_differ_in_one_value_are_told_apart() -> None:
    table = pd.DataFrame({"x": [1, 2, 1, 1], "y": ["a", "a", "b", None], "z": [1.0, 1.0, 1.0, 1.0]})
    swapped = pd.DataFrame({"x": [5, 6], "y": [6, 5]})
    assert len(set(split.fractions(table, None, 0))) == 4
    assert len(set(split.fractions(swapped, None, 0))) == 2


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_the_shares_come_out(seed: int) -> None:
    side = split.sides(keyed(range(20_000)), "id", knobs(test=0.3, validation=0.1, seed=seed))
    found = {name: float((side == name).mean()) for name in split.SIDES}
    assert found == pytest.approx({"train": 0.6, "validation": 0.1, "test": 0.3}, abs=0.02)


def test_fractions_are_spread_evenly_between_zero_and_one() -> None:
    found = split.fractions(keyed(range(50_000)), "id", 3)
    assert found.min() >= 0
    assert found.max() < 1
    assert np.histogram(found, bins=10, range=(0, 1))[0] == pytest.approx(5000, rel=0.1)


def test_another_seed_divides_otherwise_and_the_same_alike() -> None:
    table = keyed(range(1000))
    first, again, other = (split.sides(table, "id", knobs(seed=seed)) for seed in (1, 1, 10_000_001))
    assert (first == again).all()
    assert 0.3 < (first == other).mean() < 0.6  # two independent splits of 60/20/20 agree in 44 %


def test_the_split_of_today_is_the_split_of_tomorrow() -> None:
    """A change here moves every fork's rows: between training and test, unseen."""
    assert (split.fractions(keyed(range(1, 5)), "id", 0) * 1000).astype(int).tolist() == KEYED
    table = pd.DataFrame({"x": [1.5, None], "y": ["a", None], "z": pd.to_datetime(["2020-01-01", "NaT"])})
    assert (split.fractions(table, None, 0) * 1000).astype(int).tolist() == UNKEYED


KEYED = [408, 390, 619, 668]
UNKEYED = [225, 68]


@pytest.mark.parametrize("stored", [pd.Series([7.0, 8.0]), pd.Series(["7", "8"]), pd.Series([7, 8], dtype="Int64")])
def test_a_key_counts_the_same_however_it_is_stored(stored: "pd.Series[Any]") -> None:
    expected = split.fractions(keyed([7, 8]), "id", 0).tolist()
    assert split.fractions(keyed(stored), "id", 0).tolist() == expected


def test_a_larger_test_share_keeps_the_rows_that_were_in_the_test() -> None:
    table = keyed(range(2000))
    small, large = (split.sides(table, "id", knobs(test=share)) for share in (0.1, 0.3))
    assert set(large[small == "test"]) == {"test"}


def dated(days: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"at": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")})


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=3, max_size=80).filter(lambda days: len(set(days)) > 2))
def test_by_time_the_sides_follow_each_other_and_no_time_is_torn(days: list[int]) -> None:
    table = dated(days)
    side = split.sides(table, None, knobs(time="at"))
    times = {name: table["at"][side == name] for name in split.SIDES}
    assert times["train"].max() < times["validation"].min()
    assert times["validation"].max() < times["test"].min()


def test_by_time_the_shares_come_out_where_times_are_fine() -> None:
    side = split.sides(dated(list(range(100, 0, -1))), None, knobs(time="at"))
    assert side.tolist() == ["test"] * 20 + ["validation"] * 20 + ["train"] * 60


@pytest.mark.parametrize(
    ("table", "key", "time", "said"),
    [
        (keyed([1]), "id", None, "no row falls to "),
        (keyed([1, None]), "id", None, "data.key: id is missing in 1 rows (2)"),
        (keyed([1]), "key", None, "data.key: key is no column"),
        (dated([1, 2, 2]), None, "at", "at least three"),
        (dated([1, 2, 3]), None, "when", "split.time: when is no column"),
        (pd.DataFrame({"at": ["a", "b", "c"]}), None, "at", "declare it as type date"),
        (pd.DataFrame({"at": pd.to_datetime(["2020-01-01", "NaT"])}), None, "at", "is missing in 1 rows (2)"),
    ],
)
def test_a_table_that_cannot_be_divided_says_why(table: pd.DataFrame, key: str, time: str, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        split.sides(table, key, knobs(time=time))
    assert said in str(caught.value)


def test_the_command_writes_each_row_once_with_its_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("key: client_id", "key: id"))
    Path("schema.yaml").write_text(
        "columns:\n  id: {type: integer, nullable: false}\n  since: {type: date, nullable: false}\n"
    )
    table = pd.DataFrame({"id": range(200), "since": ["2020-01-31"] * 200})
    table.to_parquet("table.parquet")
    options = [f"--{name}={name}.parquet" for name in ("table", *split.SIDES)]
    first = CliRunner().invoke(split.command, ["--schema=schema.yaml", *options], catch_exceptions=False)
    assert first.exit_code == 0
    written = {name: Path(f"{name}.parquet").read_bytes() for name in split.SIDES}
    parts = [pd.read_parquet(f"{name}.parquet") for name in split.SIDES]
    assert sorted(pd.concat(parts)["id"]) == list(range(200))
    assert {str(part["since"].dtype) for part in parts} == {"datetime64[us]"}
    assert CliRunner().invoke(split.command, ["--schema=schema.yaml", *options]).output == first.output
    assert {name: Path(f"{name}.parquet").read_bytes() for name in split.SIDES} == written
