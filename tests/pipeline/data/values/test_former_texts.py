"""Texts of format 1: every one that it can have given to a value is known, and no row that it trained on passes."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.params import Split
from pipeline.data.values import former_texts, keys
from pipeline.data.values.conversion import labels
from pipeline.models.signature import Feature, Signature
from pipeline.review.baseline.scored import held_out

SPLIT = Split(test=0.4, validation=0.2, seed=3, time=None)
DAYS = pd.Series(pd.date_range("2020-01-01", periods=300, unit="us"))


def written_then(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column as format 1 wrote it: pandas writes moments as finely as the finest."""
    return column.astype("str")


def former_test_rows(column: "pd.Series[Any]") -> Any:
    return keys.fractions(pd.DataFrame({"id": written_then(column)}), "id", SPLIT.seed) < SPLIT.test


def signature(number: Any, key: str | None = "id", hashed: tuple[str, ...] = ()) -> Signature:
    return Signature(
        format=number,
        task="regression",
        target="y",
        key=key,
        positive=None,
        classes=(),
        threshold=None,
        quantile=0.5,
        features=(Feature(name="x", source="x", kind="number", nullable=False),),
        split=SPLIT,
        hashed=hashed,
        device="cpu",
    )


EXTRA = [None, "2021-05-05 12:30:00", "2021-05-05 12:30:00.5", "2021-05-05 12:30:00.000123"]


@pytest.mark.parametrize("extra", EXTRA)
@pytest.mark.parametrize("kind", ["date", "text"])
def test_no_row_that_format_1_trained_on_passes_for_a_test_row(extra: str | None, kind: str, tmp_path: Any) -> None:
    column = DAYS if extra is None else pd.concat([DAYS, pd.Series([pd.Timestamp(extra)])], ignore_index=True)
    typed = pd.DataFrame({"id": column if kind == "date" else labels(column)})
    path = tmp_path / "train.parquet"
    typed.to_parquet(path)

    found = held_out(typed.iloc[:300], signature(1), [path])

    for then in (column, column.iloc[:300]):  # the row with a time was in the model's data, or it is new
        assert not (found & ~former_test_rows(then)[:300]).any()
    assert 0 < found.sum() <= 0.5 * len(found)


def test_dates_without_a_time_anywhere_lose_no_test_row() -> None:
    found = held_out(pd.DataFrame({"id": DAYS}), signature(1))
    assert np.array_equal(found, former_test_rows(DAYS))


def test_a_model_of_format_2_is_judged_on_all_its_test_rows() -> None:
    table = pd.DataFrame({"id": pd.concat([DAYS, pd.Series([pd.Timestamp("2021-05-05 12:30")])], ignore_index=True)})
    expected = keys.fractions(table, "id", SPLIT.seed) < SPLIT.test
    assert np.array_equal(held_out(table, signature(2)), expected)
    assert np.array_equal(held_out(table.iloc[:300], signature(2)), expected[:300])


def test_without_a_key_a_word_that_was_missing_is_tried_as_missing() -> None:
    now = pd.DataFrame({"x": range(200), "country": pd.Series(["NA", "DE"] * 100, dtype="str")})
    then = now.assign(country=now["country"].where(now["country"] != "NA"))
    found = held_out(now, signature(1, None, ("x", "country")))
    assert found.any()
    assert not (found & ~(keys.fractions(then, None, SPLIT.seed) < SPLIT.test)).any()
    assert np.array_equal(
        held_out(now, signature(2, None, ("x", "country"))), keys.fractions(now, None, SPLIT.seed) < SPLIT.test
    )


TEXTS = [
    ("2024-01-01", "2024-01-01 00:00:00"),
    ("2024-01-01 12:00:00", "2024-01-01 12:00:00.000000"),
    ("2024-01-01 12:00:00.500", "2024-01-01 12:00:00.500000000"),
    ("9007199254740993", "9007199254740992.0"),
    ("18446744073709551615", "1.8446744073709552e+19"),
]
READ = [  # in CSV files whose whole column looked like that
    ("007", "7"),
    ("0x10", "16"),
    ("1.10", "1.1"),
    ("7.0", "7"),
    (" 7", "7"),
    ("True", "true"),
    ("2024-01-01T00:00:00", "2024-01-01"),
    ("2024-01-01T12:30+01:00", "2024-01-01 11:30:00+00:00"),
]


@pytest.mark.parametrize(("now", "then"), TEXTS)
def test_a_former_text_is_known(now: str, then: str) -> None:
    assert then in former_texts.alternatives(now)
    assert now in former_texts.alternatives(now)
    for text in (now, then):
        assert former_texts.differ(pd.Series([text], dtype="str"))


@pytest.mark.parametrize(("now", "then"), READ)
def test_the_text_of_what_a_csv_file_was_read_as_is_known(now: str, then: str) -> None:
    assert {now, then} <= set(former_texts.alternatives(now))
    assert former_texts.differ(pd.Series([now], dtype="str"))


@pytest.mark.parametrize("extra", ["2021-05-05T00:00", "2021-05-05T12:30"])
def test_no_row_passes_that_was_split_by_what_its_csv_text_was_read_as(extra: str) -> None:
    for now in (pd.Series([f"{place:03}" for place in range(300)]), DAYS.astype("str") + "T00:00"):
        now = pd.concat([now, pd.Series([extra])], ignore_index=True) if "T" in now[0] else now
        then = pd.to_datetime(now) if "T" in now[0] else now.astype("int64")
        found = held_out(pd.DataFrame({"id": now.astype("str")}), signature(1))
        assert found.any()
        assert not (found & ~former_test_rows(then)).any()


def test_ordinary_values_have_one_text() -> None:
    for column in (pd.Series([7, 2**62]), pd.Series(["7", "Oslo", "2024", "1.5", "NA", "true"], dtype="str")):
        assert not former_texts.differ(column)
    assert former_texts.differ(pd.Series(["NA"], dtype="str"), words=True)
