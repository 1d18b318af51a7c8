"""Counts from the proxy's log lines, and its configuration, which always names one champion."""

import pytest

from pipeline.ship.deploy.docker import haproxy
from pipeline.ship.deploy.evidence import Side


def count(*lines: str) -> tuple[Side, Side]:
    return haproxy.count(lines, "a")


def test_a_retried_request_counts_against_the_side_that_failed_it() -> None:
    champion, candidate = count("a 200 3 +1 --", "a 200 3 0 --", "b 200 5 0 --")
    assert (champion.requests, champion.errors) == (2, 0)
    assert (candidate.requests, candidate.errors) == (2, 1)
    assert champion.latencies.total == 1  # the time of a retry does not count


@pytest.mark.parametrize(
    ("line", "errors", "refused"),
    [("b 503 -1 0 SC", 1, 0), ("b 504 -1 0 sH", 1, 0), ("b -1 -1 0 SH", 1, 0), ("b 422 2 0 --", 0, 1)],
)
def test_an_unanswered_request_is_an_error_and_a_refused_one_is_not(line: str, errors: int, refused: int) -> None:
    assert (count(line)[1].errors, count(line)[1].refused) == (errors, refused)


@pytest.mark.parametrize("line", ["b -1 -1 0 CH", "b 400 -1 0 PR", "b 408 -1 0 cR", "<NOSRV> 503 -1 0 SC", "", "b x"])
def test_a_request_that_the_client_or_the_proxy_ended_is_not_counted(line: str) -> None:
    assert count(line) == (Side(), Side())


@pytest.mark.parametrize("slot", haproxy.SLOTS)
def test_the_configuration_names_the_champion_and_gives_it_all_traffic(slot: str) -> None:
    text = haproxy.configuration("0123456789ab", slot, "pipeline-release-0123456789ab", 1000)
    assert haproxy.champion(text) == ("0123456789ab", slot)
    assert f"server {slot} pipeline-release-0123456789ab:3000 weight 256" in text
    assert f"server {haproxy.other_slot(slot)} none.invalid:3000 weight 0 init-addr none\n" in text


def test_without_a_configuration_there_is_no_champion() -> None:
    assert haproxy.champion(None) is None
    assert haproxy.champion("global\n") is None


def test_a_running_balancer_names_the_largest_request_and_its_version_in_plain_words() -> None:
    text = haproxy.description(1000)
    assert text.startswith("serve.max_body 1000 ")
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789_. ")  # HAProxy would quote others
    assert f"  description {text}\n" in haproxy.configuration("x", "a", "host", 1000)
