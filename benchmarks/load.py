"""A load generator: keep-alive connections on raw asyncio protocols, in a process of its own.

`python -m benchmarks.load PORT PATH BODY_FILE CONNECTIONS SECONDS [RATE]` prints one JSON object. With a rate, requests
are sent on schedule, and a latency counts from when a request was due, not from when it could be sent.
"""

import asyncio
import json
import sys
import time
from collections import deque
from pathlib import Path

WARM_UP = 0.5  # seconds that are not counted


class Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, and is free again."""

    def __init__(self, request: bytes, free: "deque[Connection]", load: "Load") -> None:
        self.request, self.free, self.load = request, free, load
        self.left = 0
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, due: float) -> None:
        self.due = due
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.left:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            at = self.buffer.lower().index(b"content-length:") + 15
            self.left = head + 4 + int(self.buffer[at : self.buffer.index(b"\r", at)])
        if len(self.buffer) >= self.left:
            self.load.answered(self.due, self.buffer[9:12] == b"200")
            self.left, self.buffer = 0, b""
            self.load.next(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.failed += 1


class Load:
    def __init__(self, rate: float | None, seconds: float) -> None:
        self.rate, self.seconds, self.failed = rate, seconds, 0
        self.latencies = list[float]()
        self.waiting = deque[float]()
        self.idle = deque[Connection]()
        self.counted_from = self.ends = 0.0

    def answered(self, due: float, ok: bool) -> None:
        now = time.perf_counter()
        if self.counted_from <= due and now <= self.ends:
            self.latencies.append(now - due)
            self.failed += not ok

    def next(self, connection: Connection) -> None:
        if time.perf_counter() > self.ends:
            return
        if self.rate is None:
            connection.send(time.perf_counter())
        elif self.waiting:
            connection.send(self.waiting.popleft())
        else:
            self.idle.append(connection)

    async def run(self, port: int, request: bytes, connections: int) -> dict[str, float]:
        loop = asyncio.get_running_loop()
        made = [
            (await loop.create_connection(lambda: Connection(request, self.idle, self), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        start = time.perf_counter()
        self.counted_from, self.ends = start + WARM_UP, start + WARM_UP + self.seconds
        for connection in made:
            self.next(connection)
        due = start
        while (now := time.perf_counter()) < self.ends:
            while self.rate is not None and due <= now:
                self.waiting.append(due)
                due += 1 / self.rate
            while self.waiting and self.idle:
                self.idle.popleft().send(self.waiting.popleft())
            await asyncio.sleep(0.0005 if self.rate is not None else 0.05)
        failed = self.failed
        found = sorted(self.latencies)
        if not found:
            sys.exit("error: no request was answered")
        return {
            "requests": len(found) / self.seconds,
            "p50": found[len(found) // 2] * 1000,
            "p99": found[int(len(found) * 0.99)] * 1000,
            "failed": failed,
        }


def main() -> None:
    port, path, body_file, connections, seconds, *rate = sys.argv[1:]
    body = Path(body_file).read_bytes()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    load = Load(float(rate[0]) if rate else None, float(seconds))
    print(json.dumps(asyncio.run(load.run(int(port), head.encode() + body, int(connections)))))


if __name__ == "__main__":
    main()
