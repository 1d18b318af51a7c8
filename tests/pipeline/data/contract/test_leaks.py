"""Columns that are the target in other words are named, and no others."""

import numpy as np
import pandas as pd
import pytest

from pipeline.data.contract import leaks

ROWS = 200


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    churn = np.where(rng.random(ROWS) < 0.3, "yes", "no")
    return pd.DataFrame({"churn": churn, "x": rng.random(ROWS), "town": rng.choice(["a", "b"], ROWS)})


def test_a_clean_table_has_none() -> None:
    assert leaks.find(table(), "churn", ()) == []


@pytest.mark.parametrize(
    "state",
    [
        lambda churn: churn,
        lambda churn: churn.map({"yes": "left", "no": "stayed"}),
        lambda churn: (churn == "yes").astype(int),
        lambda churn: churn == "no",
    ],
)
def test_the_target_under_other_names_is_named_unless_a_person_named_it(state) -> None:  # type: ignore[no-untyped-def]
    leaking = table().assign(state=lambda rows: state(rows["churn"]))
    assert leaks.find(leaking, "churn", ()) == ["state"]
    assert leaks.find(leaking, "churn", {"state"}) == []


def test_an_amount_in_another_unit_is_the_target() -> None:
    prices = table().assign(price=lambda rows: rows["x"] * 1e6, cents=lambda rows: rows["x"] * 1e8 + 5)
    assert leaks.find(prices, "price", {"x"}) == ["cents"]


def test_few_rows_can_not_tell() -> None:
    few = table().head(leaks.ENOUGH - 1)
    assert leaks.find(few.assign(state=few["churn"]), "churn", ()) == []


def test_moments_that_do_not_repeat_are_no_amounts_in_other_words() -> None:
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS), unit="s")
    paid = table().assign(seen=moments, code=[f"c{row}" for row in range(ROWS)])
    assert leaks.find(paid, "x", ()) == []
