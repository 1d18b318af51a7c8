"""How a key is stored does not matter, and a row's place depends only on its key or its content."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.values.keys import fractions, names


def keyed(keys: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": keys})


STORED = [
    pd.Series([7.0, 8.0]),
    pd.Series(["7", "8"]),
    pd.Series([7, 8], dtype="Int64"),
    pd.Series([7.0, "8"], dtype=object),
    pd.Series([7.0, 8.0]).astype("category"),
]


@pytest.mark.parametrize("stored", STORED)
def test_a_row_has_the_same_name_however_its_key_is_stored(stored: "pd.Series[Any]") -> None:
    assert names(keyed(stored), "id").tolist() == ["7", "8"]


def test_fractional_keys_keep_their_fractions() -> None:
    assert names(keyed([7.0, 7.5]), "id").tolist() == ["7", "7.5"]


def test_rows_without_a_key_have_unique_names_by_content_whatever_their_order() -> None:
    table = pd.DataFrame({"x": [1, 2, 1], "y": ["a", "b", "a"]})
    row_names = names(table, None)
    assert len(set(row_names)) == 3
    assert set(names(table.iloc[[2, 1, 0]].reset_index(drop=True), None)) == set(row_names)


seeds = st.integers(0, 2**31 - 1)
some_keys = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=60, unique=True),
    st.lists(st.text(max_size=8), min_size=1, max_size=60, unique=True),
)


@settings(deadline=None)
@given(some_keys, st.data(), seeds)
def test_neither_other_rows_nor_their_order_move_a_row(keys: list[Any], data: st.DataObject, seed: int) -> None:
    subset = data.draw(st.lists(st.sampled_from(keys), min_size=1, unique=True))
    by_key = dict(zip(keys, fractions(keyed(keys), "id", seed), strict=True))
    assert fractions(keyed(subset), "id", seed).tolist() == [by_key[key] for key in subset]


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
def test_without_a_key_a_row_keeps_its_side_and_equal_rows_share_it(
    rows: list[tuple[Any, ...]], more: list[tuple[Any, ...]], seed: int
) -> None:
    expected = fractions(unkeyed(rows), None, seed)
    together = fractions(unkeyed([*more, *rows, *rows]), None, seed)
    assert together[len(more) :].tolist() == [*expected, *expected]


def test_without_a_key_the_storage_of_columns_does_not_matter() -> None:
    table = pd.DataFrame({"x": [1, 2, 3], "y": [True, False, True], "z": ["a", "b", "a"]})
    other = table[["z", "y", "x"]].astype({"x": "float64", "y": "boolean"})
    assert fractions(table, None, 0).tolist() == fractions(other, None, 0).tolist()


def test_without_a_key_rows_that_differ_in_one_value_have_different_fractions() -> None:
    table = pd.DataFrame({"x": [1, 2, 1, 1], "y": ["a", "a", "b", None], "z": [1.0, 1.0, 1.0, 1.0]})
    swapped = pd.DataFrame({"x": [5, 6], "y": [6, 5]})
    assert len(set(fractions(table, None, 0))) == 4
    assert len(set(fractions(swapped, None, 0))) == 2


def test_fractions_are_spread_evenly_between_zero_and_one() -> None:
    values = fractions(keyed(range(50_000)), "id", 3)
    assert values.min() >= 0
    assert values.max() < 1
    assert np.histogram(values, bins=10, range=(0, 1))[0] == pytest.approx(5000, rel=0.1)


def test_the_split_does_not_change_between_versions() -> None:
    """A change of these numbers would silently move rows between training and test in every fork."""
    assert (fractions(keyed(range(1, 5)), "id", 0) * 1000).astype(int).tolist() == KEYED
    table = pd.DataFrame({"x": [1.5, None], "y": ["a", None], "z": pd.to_datetime(["2020-01-01", "NaT"])})
    assert (fractions(table, None, 0) * 1000).astype(int).tolist() == UNKEYED


KEYED = [408, 390, 619, 668]
UNKEYED = [225, 68]


@pytest.mark.parametrize("stored", STORED)
def test_a_key_has_the_same_fraction_however_it_is_stored(stored: "pd.Series[Any]") -> None:
    expected = fractions(keyed([7, 8]), "id", 0).tolist()
    assert fractions(keyed(stored), "id", 0).tolist() == expected
