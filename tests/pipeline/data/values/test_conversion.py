"""A value becomes the contract's type exactly, or is not of that type; the values beside it do not matter."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.values.column_types import Type
from pipeline.data.values.conversion import convert, labels


def converted(values: Any, kind: Type, **options: Any) -> tuple[list[Any], list[bool]]:
    """The values, None for missing ones, and which are not of the kind."""
    result, wrong = convert(pd.Series(values, **options), kind)
    return result.astype(object).where(result.notna(), None).tolist(), wrong.tolist()


INTEGERS: list[tuple[Any, list[int | None]]] = [
    (pd.Series([2**63 - 1, 2**63, 7], dtype="uint64"), [2**63 - 1, None, 7]),
    (pd.Series([1e20, -(2.0**63), 2.0**63, 7.0]), [None, -(2**63), None, 7]),
    (pd.Series(["9007199254740993", "7.0", "1e3", " 7 "], dtype="str"), [2**53 + 1, 7, 1000, 7]),
    (pd.Series(["9007199254740993", "x", "1.5", "9223372036854775808", "1e99"], dtype="str"), [2**53 + 1, *[None] * 4]),
    (pd.Series(["9007199254740992.5", "1.00000000000000000001"], dtype="str"), [None, None]),
    (
        pd.Series([2**62 + 1, "4611686018427387905", Decimal("7.00"), True], dtype=object),
        [2**62 + 1, 2**62 + 1, 7, None],
    ),
]


@pytest.mark.parametrize(("values", "expected"), INTEGERS)
def test_whole_numbers_are_exact_or_none(values: "pd.Series[Any]", expected: list[int | None]) -> None:
    assert converted(values, "integer") == (expected, [value is None for value in expected])


def test_whole_numbers_with_gaps_are_exact() -> None:
    assert converted([2**53 + 1, None], "integer", dtype="Int64") == ([2**53 + 1, None], [False, False])
    assert converted(["9007199254740993", None], "integer", dtype="str") == ([2**53 + 1, None], [False, False])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bits", [16, 32, 64])
def test_floats_of_any_size_are_converted_without_a_warning(bits: int) -> None:
    values = pd.Series([1.5, 2, 7, None], dtype=f"float{bits}")
    assert converted(values, "integer") == ([None, 2, 7, None], [True, False, False, False])
    assert labels(values).tolist()[:3] == ["1.5", "2", "7"]


def test_numbers_in_text_are_the_nearest_floats() -> None:
    texts = [repr(value) for value in np.random.default_rng(0).normal(size=1000).tolist()]
    assert converted(texts, "number", dtype="str")[0] == [float(text) for text in texts]
    assert converted(["1e400", "nan", "inf", "1_0", "0x1"], "number", dtype="str")[1] == [True] * 5


DATES = [
    "2024-01-01",
    "1500-01-01",
    "2024-01-01T12:00:00.123456789",
    "2024-01-01T12:00:00.5000000+01:00",
    "10000-01-01",
]


def test_a_date_is_told_to_the_microsecond_or_is_none() -> None:
    values, wrong = converted(DATES, "date", dtype="str")
    assert wrong == [False, False, True, False, True]
    assert [str(value) for value in values if value] == [
        "2024-01-01 00:00:00",
        "1500-01-01 00:00:00",
        "2024-01-01 11:00:00.500000",
    ]
    finer = pd.Series(np.array([0, 1, 1000], dtype="datetime64[ns]"))
    assert convert(finer, "date")[1].tolist() == [False, True, False]
    assert convert(pd.Series(np.array([10**15], dtype="datetime64[s]")), "date")[1].tolist() == [True]


TEXTS: list[tuple[Any, str]] = [
    (pd.Timestamp("2024-01-01"), "2024-01-01"),
    (pd.Timestamp("2024-01-01 12:00"), "2024-01-01 12:00:00"),
    (pd.Timestamp("2024-01-01 12:00:00.5"), "2024-01-01 12:00:00.500"),
    (pd.Timestamp("2024-01-01 12:00:00.123456"), "2024-01-01 12:00:00.123456"),
    (pd.Timestamp("2024-01-01 12:00:00.123456789"), "2024-01-01 12:00:00.123456789"),
]


def test_the_text_of_a_moment_does_not_depend_on_its_neighbours() -> None:
    together = pd.Series([value for value, _ in TEXTS])
    assert labels(together).tolist() == [text for _, text in TEXTS]
    for value, text in TEXTS:
        assert labels(pd.Series([value])).tolist() == [text]
        assert labels(pd.Series([value, "x", True, 7.0, None], dtype=object)).tolist()[:4] == [text, "x", "true", "7"]
    days = pd.Series(pd.to_timedelta(["1 days", "1 days 00:00:05"]))
    assert labels(days).tolist() == [*labels(days[:1]), *labels(days[1:])]
