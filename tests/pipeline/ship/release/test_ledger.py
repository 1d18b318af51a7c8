"""The ledger shows which release served when, also after interrupted deployments."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ship.release import ledger
from tests.pipeline.ship.deploy.hosts_in_memory import release

A, B = release("a" * 12), release("b" * 12)
ledgers = st.lists(
    st.builds(
        lambda event, release: ledger.new_entry(event, release),
        st.sampled_from(["started", "serving", "failed", "paused", "continued"]),
        st.sampled_from([A, B]),
    ),
    max_size=12,
)


def history(*events: tuple[Any, Any], in_progress: bool = False) -> list[tuple[str, str, str]]:
    table = ledger.rows([ledger.new_entry(event, which) for event, which in events], in_progress=in_progress)
    return [(row.release[0], row.state, row.reason) for row in table]


def test_a_deployment_is_one_row_and_ends_the_one_before() -> None:
    served = history(("started", A), ("serving", A), ("started", B), ("serving", B))
    assert served == [("a", "served", ""), ("b", "serving", "")]


def test_a_failed_deployment_leaves_the_champion_serving() -> None:
    assert history(("started", A), ("serving", A), ("started", B), ("failed", B)) == [
        ("a", "serving", ""),
        ("b", "failed", ""),
    ]


@pytest.mark.parametrize(("in_progress", "state"), [(True, "under way"), (False, "failed")])
def test_a_deployment_without_an_end_is_under_way_or_lost_its_deployer(in_progress: bool, state: str) -> None:
    last = history(("serving", A), ("started", B), in_progress=in_progress)[-1]
    assert last == ("b", state, "" if in_progress else ledger.GONE)


def test_a_deployer_that_went_away_is_shown_once() -> None:
    assert history(("started", B), ("started", B), ("serving", B)) == [
        ("b", "failed", ledger.GONE),
        ("b", "serving", ""),
    ]


@given(ledgers, st.booleans())
def test_at_most_one_release_serves_and_it_is_the_ledgers(entries: Sequence[dict[str, Any]], in_progress: bool) -> None:
    table = ledger.rows(entries, in_progress=in_progress)
    now = [row.release for row in table if row.state == "serving"]
    assert now == ([ledger.serving(entries)] if ledger.serving(entries) else [])
    assert all(row.until for row in table if row.state == "served")


@given(ledgers)
def test_the_previous_release_is_another_one_that_served(entries: Sequence[dict[str, Any]]) -> None:
    champion = ledger.serving(entries)
    if champion and (previous := ledger.previous(entries, champion)):
        assert previous != champion
        assert any(entry["release"] == previous and entry["event"] == "serving" for entry in entries)


def test_a_commit_of_a_changed_work_tree_is_shown_as_such() -> None:
    dirty = release("a" * 12, commit="0123456789" * 4 + "-dirty")
    (row,) = ledger.rows([ledger.new_entry("serving", dirty)], in_progress=False)
    assert row.commit == "0123456-dirty"


def test_a_damaged_line_is_left_out() -> None:
    good = ledger.new_entry("serving", A)
    damaged = ["[" * 100_000, "{", "3", "null", "{}", *(json.dumps(good | {key: 7}) for key in sorted(ledger.TEXTS))]
    damaged.append(json.dumps({key: value for key, value in good.items() if key != "event"}))
    entries = ledger.parse([*damaged, json.dumps(good)], "the ledger")
    assert entries == [good]
    assert len(ledger.rows(entries, in_progress=False)) == 1


@pytest.mark.parametrize("verdict", [None, 7, {}, {"overruled": 7}, {"outcome": "fail", "overruled": {}}])
def test_a_damaged_verdict_is_shown_as_far_as_it_goes(verdict: Any) -> None:
    entry = ledger.new_entry("serving", A) | {"verdict": verdict}
    (row,) = ledger.rows([entry], in_progress=False)
    assert row.verdict.startswith("gate: ")


PAUSED = ledger.new_entry("paused", B, by="ann", percent=5)


def paused(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """A serves, and a canary of B is paused."""
    return [ledger.new_entry("serving", A), ledger.new_entry("started", B, by="ann"), PAUSED, *more]


@pytest.mark.parametrize(
    ("entries", "event"),
    [
        (paused(), "paused"),
        (paused(ledger.continued(PAUSED, "ben", "")), "continued"),
        (paused(ledger.freeze_entry("frozen", [], "ben", "why")), "paused"),
        (paused(ledger.new_entry("failed", B)), None),
        (paused(ledger.new_entry("started", A)), None),
        (paused()[:2], None),
        ([], None),
    ],
)
def test_a_paused_canary_can_be_taken_up_until_an_entry_says_how_it_ended(
    entries: list[dict[str, Any]], event: str | None
) -> None:
    entry = ledger.paused(entries)
    assert (entry and entry["event"]) == event
    assert entry is None or entry["percent"] == 5


def test_who_continued_it_stands_in_an_entry_with_the_reason_and_the_next_pause() -> None:
    entry = ledger.continued(PAUSED | {"reason": "x"}, "ben", "", 25)
    assert {key: entry.get(key) for key in ("event", "release", "by", "reason", "percent", "pause_at")} == {
        "event": "continued",
        "release": B.id,
        "by": "ben",
        "reason": None,
        "percent": 5,
        "pause_at": 25,
    }
    assert ledger.continued(entry, "cat", "fine")["reason"] == "fine"
    assert "pause_at" not in ledger.continued(entry, "cat", "fine")


@pytest.mark.parametrize(
    ("in_progress", "reason"),
    [(True, "at 5 % by ann"), (False, "at 5 % by ann; its deployer has ended, and the champion has all traffic")],
)
def test_a_paused_canary_is_a_row_that_says_whether_it_has_traffic(in_progress: bool, reason: str) -> None:
    row = ledger.rows(paused(), in_progress=in_progress)[-1]
    assert (row.release, row.state, row.reason) == (B.id, "paused", reason)
    ended = ledger.rows(paused(ledger.continued(PAUSED, "ben", ""), ledger.new_entry("serving", B)), in_progress=False)
    assert [(row.release[0], row.state) for row in ended] == [("a", "served"), ("b", "serving")]


def test_deployments_are_frozen_from_the_first_entry_until_one_that_unfreezes() -> None:
    entries = [ledger.new_entry("serving", A)]
    assert ledger.frozen(entries) is None
    entries.append(ledger.freeze_entry("frozen", entries, "ann", "an audit"))
    entries.append(ledger.new_entry("serving", A))
    frozen = ledger.frozen(entries)
    assert frozen
    assert (frozen["release"], frozen["by"], frozen["reason"]) == (A.id, "ann", "an audit")
    table = [(row.state, row.reason, row.verdict) for row in ledger.rows(entries, in_progress=False)]
    assert ("frozen", "an audit", "by ann") in table
    entries.append(ledger.freeze_entry("unfrozen", entries, "ben", ""))
    assert ledger.frozen(entries) is None
    assert ledger.unfinished(entries) is None


def test_an_older_version_refuses_a_ledger_with_what_it_would_take_for_a_failure_or_ignore() -> None:
    frozen = ledger.freeze_entry("frozen", [], "ann", "x")
    assert {entry["format"] for entry in (frozen, PAUSED, ledger.continued(PAUSED, "ben", ""))} == {2}
    assert {ledger.new_entry(event, A)["format"] for event in ("started", "serving", "failed")} == {1}
    assert ledger.parse([json.dumps(frozen)], "the ledger") == [frozen]
