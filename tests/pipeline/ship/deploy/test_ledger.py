"""The ledger tells what served when, whoever went away in between."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ship.deploy import ledger
from tests.pipeline.ship.deploy.hosts_in_memory import release

A, B = release("a" * 12), release("b" * 12)
entries = st.lists(
    st.builds(
        lambda event, one: ledger.entry(event, one),
        st.sampled_from(["started", "serving", "failed"]),
        st.sampled_from([A, B]),
    ),
    max_size=12,
)


def told(*events: tuple[Any, Any], held: bool = False) -> list[tuple[str, str, str]]:
    table = ledger.rows([ledger.entry(event, one) for event, one in events], held=held)
    return [(row.release[0], row.state, row.reason) for row in table]


def test_a_deployment_is_one_line_and_ends_the_one_before() -> None:
    served = told(("started", A), ("serving", A), ("started", B), ("serving", B))
    assert served == [("a", "served", ""), ("b", "serving", "")]


def test_a_failed_one_leaves_the_champion_serving() -> None:
    assert told(("started", A), ("serving", A), ("started", B), ("failed", B)) == [
        ("a", "serving", ""),
        ("b", "failed", ""),
    ]


@pytest.mark.parametrize(("held", "state"), [(True, "under way"), (False, "failed")])
def test_a_deployment_without_an_end_is_under_way_or_lost_its_deployer(held: bool, state: str) -> None:
    last = told(("serving", A), ("started", B), held=held)[-1]
    assert last == ("b", state, "" if held else ledger.GONE)


def test_a_deployer_that_went_away_is_told_once() -> None:
    assert told(("started", B), ("started", B), ("serving", B)) == [("b", "failed", ledger.GONE), ("b", "serving", "")]


@given(entries, st.booleans())
def test_one_release_serves_at_most_and_it_is_the_ledgers(known: Sequence[dict[str, Any]], held: bool) -> None:
    table = ledger.rows(known, held=held)
    now = [row.release for row in table if row.state == "serving"]
    assert now == ([ledger.serving(known)] if ledger.serving(known) else [])
    assert all(row.until for row in table if row.state == "served")


@given(entries)
def test_the_former_release_is_another_that_served(known: Sequence[dict[str, Any]]) -> None:
    champion = ledger.serving(known)
    if champion and (found := ledger.former(known, champion)):
        assert found != champion
        assert any(one["release"] == found and one["event"] == "serving" for one in known)
