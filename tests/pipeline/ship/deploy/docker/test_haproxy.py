"""The proxy's lines as counts, and its configuration, which always names one champion."""

import pytest

from pipeline.ship.deploy.docker import haproxy
from pipeline.ship.deploy.evidence import Side


def counted(*lines: str) -> tuple[Side, Side]:
    return haproxy.counted(lines, "a")


def test_a_request_that_was_tried_again_counts_against_the_side_that_failed_it() -> None:
    champion, candidate = counted("a 200 3 +1 --", "a 200 3 0 --", "b 200 5 0 --")
    assert (champion.requests, champion.errors) == (2, 0)
    assert (candidate.requests, candidate.errors) == (2, 1)
    assert champion.latencies.total == 1  # the time of a second try is not the first one's


@pytest.mark.parametrize(
    ("line", "errors", "refused"),
    [("b 503 -1 0 SC", 1, 0), ("b 504 -1 0 sH", 1, 0), ("b -1 -1 0 SH", 1, 0), ("b 422 2 0 --", 0, 1)],
)
def test_what_the_service_did_not_answer_is_an_error_and_what_it_refused_is_not(
    line: str, errors: int, refused: int
) -> None:
    assert (counted(line)[1].errors, counted(line)[1].refused) == (errors, refused)


@pytest.mark.parametrize("line", ["b -1 -1 0 CH", "b 400 -1 0 PR", "b 408 -1 0 cR", "<NOSRV> 503 -1 0 SC", "", "b x"])
def test_what_the_client_or_the_proxy_did_counts_for_nobody(line: str) -> None:
    assert counted(line) == (Side(), Side())


@pytest.mark.parametrize("slot", haproxy.SLOTS)
def test_the_configuration_names_the_champion_and_gives_it_everything(slot: str) -> None:
    text = haproxy.configuration("0123456789ab", slot, "pipeline-release-0123456789ab", 1000)
    assert haproxy.champion(text) == ("0123456789ab", slot)
    assert f"server {slot} pipeline-release-0123456789ab:3000 weight 256" in text
    assert f"server {haproxy.other(slot)} none.invalid:3000 weight 0" in text


def test_no_configuration_is_no_champion() -> None:
    assert haproxy.champion(None) is None
    assert haproxy.champion("global\n") is None
