"""Requests to a running service, one row each, by a few concurrent clients."""

import http.client
import json
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.errors import PipelineError

CLIENTS = 4  # concurrent requests
TIMEOUT = 30  # seconds for a response


class Service:
    """A running service; each thread has a connection of its own."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            self._host = ""
        if not self._host or parts.scheme != "http":
            raise PipelineError(f"{url}: is not the address of a service; allowed: http://HOST:PORT")
        self.url, self._local = url.rstrip("/"), threading.local()

    def release(self) -> str:
        """The release that is served, if this port names it; PipelineError where no service responds."""
        status, content = self._request("GET", "/release")
        if status == 404 and self._request("GET", "/readyz")[0] == 200:  # a deployment's public port
            return "(not named on this port)"
        if status != 200 or not isinstance(content, dict) or "release" not in content:
            raise PipelineError(f"{self.url}: what responds there ({status}) is no service of this project")
        return str(content["release"])

    def predict(self, row: dict[str, Any], request_id: str) -> str:
        """Send one row; the id that the service gave it. PipelineError where it refused the row."""
        body, headers = json.dumps({"rows": [row]}), {"Content-Type": "application/json", "X-Request-ID": request_id}
        status, content = self._request("POST", "/predict", body, headers)
        if status != 200:
            reason = content.get("error") if isinstance(content, dict) else None
            raise PipelineError(f"{self.url}: refused a row ({status}): {reason or 'without a reason'}")
        return str(content["predictions"][0]["id"])

    def _request(self, method: str, path: str, body: str | None = None, headers: Any = None) -> tuple[int, Any]:
        """Status and JSON (None where it is none). A reused connection that the service closed is opened again."""
        for reused in (True, False):
            connection = self._connection(fresh=not reused)
            try:
                connection.request(method, path, body, headers or {})
                response = connection.getresponse()
                return response.status, _json(response.read())
            except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
                if not reused:
                    break
            except (OSError, http.client.HTTPException):
                break
        raise PipelineError(f"{self.url}: no service responds; start it in another terminal: `make serve`")

    def _connection(self, *, fresh: bool) -> http.client.HTTPConnection:
        if fresh or not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
        connection: http.client.HTTPConnection = self._local.connection
        return connection


def send(service: Service, rows: Sequence[dict[str, Any]], name: str, rate: float | None) -> Generator[str, None, None]:
    """Send each row; the ids that the service gave them, in order. `rate`: rows per second; None: no limit.

    Closing the generator stops the traffic. Request ids are `name` and a number.
    """
    start, stop = time.monotonic(), threading.Event()

    def predict(index: int) -> str:
        if rate:
            stop.wait(max(0.0, start + index / rate - time.monotonic()))
        return "" if stop.is_set() else service.predict(rows[index], f"{name}-{index}")

    with ThreadPoolExecutor(CLIENTS) as clients:
        try:
            yield from clients.map(predict, range(len(rows)))
        finally:
            stop.set()
            clients.shutdown(wait=False, cancel_futures=True)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
