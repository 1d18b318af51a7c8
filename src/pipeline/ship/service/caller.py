"""Who asked, and in which trace: what a request's headers say of it, for its log lines."""

import re
from collections.abc import Mapping
from typing import NamedTuple

CLIENT, TRACE = b"x-pipeline-client", b"traceparent"
CLIENT_PATTERN = re.compile(rb"[ -~]{1,128}")
# https://www.w3.org/TR/trace-context/: version, trace id, parent id, flags; a later version may go on after a dash.
TRACE_PATTERN = re.compile(rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


class Caller(NamedTuple):
    """The client's name, which the proxy has checked, and the trace's id; None where there is none."""

    client: str | None = None
    trace: str | None = None


UNKNOWN = Caller()


def read(headers: Mapping[bytes, bytes]) -> Caller:
    """A malformed value is ignored, as W3C says of `traceparent`."""
    client, trace = headers.get(CLIENT), headers.get(TRACE)
    if client is None and trace is None:
        return UNKNOWN
    named = client is not None and CLIENT_PATTERN.fullmatch(client)
    return Caller(client.decode() if client and named else None, _trace_id(trace) if trace else None)


def _trace_id(header: bytes) -> str | None:
    match = TRACE_PATTERN.fullmatch(header)
    if match is None or (match[1] == b"00" and match[3]):
        return None
    return match[2].decode()
