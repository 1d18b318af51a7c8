"""The endpoints as plain ASGI inside the BentoML service, whose own dispatch takes longer than the predictions."""

import itertools
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from pipeline.core.errors import PipelineError
from pipeline.ship.service import caller
from pipeline.ship.service.caller import UNKNOWN, Caller
from pipeline.ship.service.prometheus import Metrics
from pipeline.ship.service.request import RefusalError, refuse

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
REQUEST_ID, REPLAY, LENGTH, ENCODING = b"x-request-id", b"x-pipeline-replay", b"content-length", b"content-encoding"
WORKER, COUNT = secrets.token_hex(8), itertools.count(1)  # of a generated request id: unique, and cheap
REQUEST_ID_PATTERN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
logger = logging.getLogger("bentoml.pipeline")


class DisconnectedError(Exception):
    """The client disconnected before its body was complete."""


class Request(NamedTuple):
    """A complete request. `started`: `time.perf_counter` when it came in."""

    body: bytes
    request_id: str
    replay: bool
    started: float
    caller: Caller = UNKNOWN


Handler = Callable[[Request], Awaitable[bytes]]  # the answer as JSON; RefusalError where the body is invalid


class Post:
    """An endpoint that takes JSON and answers JSON; a wrong request gets a 4xx that says what is allowed.

    A defect of the service is a 500 with the request's id, under which the service's log has the traceback.
    """

    def __init__(self, path: str, handler: Handler, metrics: Metrics, max_body: int) -> None:
        self._path, self._handler, self._metrics = path, handler, metrics
        self._max_body = max_body

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = dict(scope["headers"])
        header = headers.get(REQUEST_ID, b"")
        request_id = header.decode() if REQUEST_ID_PATTERN.fullmatch(header) else f"{WORKER}-{next(COUNT):x}"
        status = 200
        try:
            if scope["method"] != "POST":
                raise refuse(405, "", f"{scope['method']} {self._path}", "POST")
            body = await self._body(headers.get(LENGTH, b""), receive)
            if (encoding := headers.get(ENCODING, b"identity").strip().lower()) not in {b"identity", b""}:
                raise refuse(415, "", f"content-encoding is {encoding.decode(errors='replace')!r}", "an unencoded body")
            request = Request(body, request_id, REPLAY in headers, started, caller.read(headers))
            content = await self._handler(request)
        except RefusalError as refusal:
            status, content = refusal.status, _error_body(refusal.message, refusal.problems, request_id)
        except DisconnectedError:
            return
        except PipelineError as error:  # of a project's function, in one line
            logger.error("request %s failed: %s", request_id, error)
            status, content = (
                500,
                _error_body("a feature can't be computed; the service's log says why", [], request_id),
            )
        except Exception:  # a defect of the service: counted like any other answer
            logger.exception("request %s failed", request_id)
            status, content = 500, _error_body("the service failed; its log has the reason", [], request_id)
        await _respond(send, status, content, request_id)
        self._metrics.count_request(self._path, status, time.perf_counter() - started)

    async def _body(self, length: bytes, receive: Receive) -> bytes:
        if length.isdigit() and int(length[:20]) > self._max_body:
            await self._drain(receive)
            raise self._too_large()
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message.get("body", b"")
            parts = [body]
        else:
            parts = await self._rest(message, receive)
        if sum(map(len, parts)) > self._max_body:
            raise self._too_large()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _rest(self, message: Message, receive: Receive) -> list[bytes]:
        parts, size = list[bytes](), 0
        while True:
            if message["type"] == "http.disconnect":
                raise DisconnectedError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body or not message.get("more_body"):
                return parts
            message = await receive()

    async def _drain(self, receive: Receive) -> None:
        """Read what the client still sends, within bounds: it would miss the answer if the connection were closed."""
        size = 0
        while size <= 8 * self._max_body:
            message = await receive()
            size += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                return

    def _too_large(self) -> RefusalError:
        return refuse(413, "", "the body is too large", f"{self._max_body} bytes (serve.max_body)")


def _error_body(error: str, problems: list[dict[str, str]], request_id: str) -> bytes:
    return msgspec.json.encode({"error": error, "problems": problems, "request_id": request_id})


async def _respond(send: Send, status: int, content: bytes, request_id: str) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (REQUEST_ID, request_id.encode()),
    ]
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status == 415:
        headers.append((b"accept-encoding", b"identity"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
