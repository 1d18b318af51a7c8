"""An endpoint by itself, without a server."""

import json
from typing import Any

import anyio
import pytest

from pipeline.ship.service.caller import Caller
from pipeline.ship.service.endpoints import Post, Request


class CountedRequests:
    """Stands in for the metrics and keeps what was counted."""

    def __init__(self) -> None:
        self.answers = list[tuple[str, int]]()

    def count_request(self, endpoint: str, status: int, seconds: float) -> None:
        self.answers.append((endpoint, status))


async def answer_nothing(request: Request) -> bytes:
    return b"{}"


@pytest.mark.parametrize(
    ("encoding", "status"),
    [(b"gzip", 415), (b"br, gzip", 415), (b"x\xff", 415), (b"identity", 200), (b"Identity", 200)],
)
def test_an_encoded_body_is_refused_as_such(encoding: bytes, status: int) -> None:
    sent = list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"\x1f\x8b"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    metrics: Any = CountedRequests()
    post = Post("/predict", answer_nothing, metrics, 1000)
    anyio.run(post, {"method": "POST", "headers": [(b"content-encoding", encoding)]}, receive, send)

    assert sent[0]["status"] == status
    assert ((b"accept-encoding", b"identity") in sent[0]["headers"]) is (status == 415)
    if encoding == b"gzip":
        assert json.loads(sent[1]["body"])["error"] == "content-encoding is 'gzip'; allowed: an unencoded body"


def test_a_defect_is_a_500_that_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> bytes:
        raise ZeroDivisionError("a defect")

    counted: Any = CountedRequests()
    sent = list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    post = Post("/predict", broken, counted, 1000)
    anyio.run(post, {"method": "POST", "headers": [(b"x-request-id", b"mine")]}, receive, send)

    assert sent[0]["status"] == 500
    answer = json.loads(sent[1]["body"])
    assert (answer["request_id"], answer["problems"]) == ("mine", [])
    assert "a defect" not in answer["error"]  # clients must not see internals
    assert counted.answers == [("/predict", 500)]
    assert "request mine failed" in caplog.text
    assert "ZeroDivisionError: a defect" in caplog.text


def test_the_handler_gets_who_asked_and_the_trace() -> None:
    callers = list[Caller]()

    async def handler(request: Request) -> bytes:
        callers.append(request.caller)
        return b"{}"

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: dict[str, Any]) -> None:
        """The answer is not looked at."""

    metrics: Any = CountedRequests()
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = [(b"x-pipeline-client", b"billing"), (b"traceparent", trace)]
    anyio.run(Post("/predict", handler, metrics, 1000), {"method": "POST", "headers": headers}, receive, send)
    assert callers == [Caller("billing", "4bf92f3577b34da6a3ce929d0e0e4736")]
