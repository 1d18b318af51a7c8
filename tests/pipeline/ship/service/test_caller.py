"""Who asked, and in which trace: what counts of a request's headers, and how it stands in the log."""

import pytest

from pipeline.predictions import line
from pipeline.ship.service.caller import UNKNOWN, Caller, read

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"00-{TRACE}-{PARENT}-01", TRACE),
        (f"cc-{TRACE}-{PARENT}-00-more", TRACE),  # a later version
        (f"00-{TRACE}-{PARENT}-01-more", None),
        (f"ff-{TRACE}-{PARENT}-01", None),
        (f"00-{TRACE.upper()}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE}-{PARENT}", None),
        (f"00-{TRACE}-{PARENT}-01\n", None),
        ("", None),
    ],
)
def test_a_malformed_traceparent_is_ignored(header: str, trace: str | None) -> None:
    assert read({b"traceparent": header.encode()}) == Caller(None, trace)


@pytest.mark.parametrize(
    ("header", "client"),
    [(b"billing", "billing"), (b"a b", "a b"), (b"", None), (b"x" * 129, None), (b"\xc3\xa9", None)],
)
def test_a_name_is_short_and_printable(header: bytes, client: str | None) -> None:
    assert read({b"x-pipeline-client": header}) == Caller(client, None)


def test_a_request_without_either_has_none() -> None:
    assert read({b"x-request-id": b"1"}) is UNKNOWN


def test_the_log_line_names_both_where_they_are_known() -> None:
    known = line.shared_fields(1.5, "r", 0.5, client="billing", trace=TRACE)
    assert f',"client":"billing","trace":"{TRACE}",'.encode() in known
    unknown = line.shared_fields(1.5, "r", 0.5)
    assert b"client" not in unknown
    assert b"trace" not in unknown
