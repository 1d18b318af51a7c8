"""Requests to a running service, a row each, by a few clients at once."""

import http.client
import json
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.errors import PipelineError

CLIENTS, PATIENCE = 4, 30  # at once; seconds for an answer


class Service:
    """A running service; each thread that asks keeps a connection of its own."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            self._host = ""
        if not self._host or parts.scheme != "http":
            raise PipelineError(f"{url}: is no address of a service; allowed: http://HOST:PORT")
        self.url, self._own = url.rstrip("/"), threading.local()

    def release(self) -> str:
        """The release that is served; PipelineError where no service answers."""
        status, answer = self._ask("GET", "/release")
        if status != 200 or not isinstance(answer, dict) or "release" not in answer:
            raise PipelineError(f"{self.url}: something answers ({status}) that is no service of this project")
        return str(answer["release"])

    def predict(self, row: dict[str, Any], request_id: str) -> str:
        """The id that the service gave the row; PipelineError where it refused it."""
        body, headers = json.dumps({"rows": [row]}), {"Content-Type": "application/json", "X-Request-ID": request_id}
        status, answer = self._ask("POST", "/predict", body, headers)
        if status != 200:
            said = answer.get("error") if isinstance(answer, dict) else None
            raise PipelineError(f"{self.url}: refused a row ({status}): {said or 'without a reason'}")
        return str(answer["predictions"][0]["id"])

    def _ask(self, method: str, path: str, body: str | None = None, headers: Any = None) -> tuple[int, Any]:
        """Status and JSON (None where it is none). A kept connection that the other side closed is opened again."""
        for kept in (True, False):
            connection = self._connection(fresh=not kept)
            try:
                connection.request(method, path, body, headers or {})
                reply = connection.getresponse()
                return reply.status, _json(reply.read())
            except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
                if not kept:
                    break
            except (OSError, http.client.HTTPException):
                break
        raise PipelineError(f"{self.url}: no service answers; start it in another terminal: `make serve`")

    def _connection(self, *, fresh: bool) -> http.client.HTTPConnection:
        if fresh or not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE)
        found: http.client.HTTPConnection = self._own.connection
        return found


def send(service: Service, rows: Sequence[dict[str, Any]], name: str, rate: float | None) -> Generator[str, None, None]:
    """Send each row; the ids that the service gave them, in order. `rate`: rows a second; None is as fast as it goes.

    Whoever stops iterating stops the traffic. Request ids are `name` and a number.
    """
    began, stop = time.monotonic(), threading.Event()

    def one(at: int) -> str:
        if rate:
            stop.wait(max(0.0, began + at / rate - time.monotonic()))
        return "" if stop.is_set() else service.predict(rows[at], f"{name}-{at}")

    with ThreadPoolExecutor(CLIENTS) as clients:
        try:
            yield from clients.map(one, range(len(rows)))
        finally:
            stop.set()
            clients.shutdown(wait=False, cancel_futures=True)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
