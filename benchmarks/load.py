"""A load generator: keep-alive connections on raw asyncio protocols, in a process of its own.

`python -m benchmarks.load PORT PATH BODY_FILE CONNECTIONS SECONDS [RATE]` prints one JSON object. With a rate, requests
are sent on schedule, and a latency counts from the time at which a request was due, not from that of sending.
"""

import asyncio
import json
import sys
import time
from collections import deque
from pathlib import Path

WARM_UP = 0.5  # seconds before counting starts


class Connection(asyncio.Protocol):
    """Sends a request, waits for the whole response, and is idle again."""

    def __init__(self, request: bytes, load: "Load") -> None:
        self.request, self.load = request, load
        self.length = 0  # of the whole response; 0 until its head is there
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, due: float) -> None:
        self.due = due
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.length:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            start = self.buffer.lower().index(b"content-length:") + 15
            self.length = head + 4 + int(self.buffer[start : self.buffer.index(b"\r", start)])
        if len(self.buffer) >= self.length:
            self.load.answered(self.due, self.buffer[9:12] == b"200")
            self.length, self.buffer = 0, b""
            self.load.next(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.failed += 1


class Load:
    def __init__(self, rate: float | None, seconds: float) -> None:
        self.rate, self.seconds, self.failed = rate, seconds, 0
        self.latencies = list[float]()
        self.waiting = deque[float]()
        self.idle = deque[Connection]()
        self.counted_from = self.end = 0.0

    def answered(self, due: float, ok: bool) -> None:
        now = time.perf_counter()
        if self.counted_from <= due and now <= self.end:
            self.latencies.append(now - due)
            self.failed += not ok

    def next(self, connection: Connection) -> None:
        if time.perf_counter() > self.end:
            return
        if self.rate is None:
            connection.send(time.perf_counter())
        elif self.waiting:
            connection.send(self.waiting.popleft())
        else:
            self.idle.append(connection)

    async def run(self, port: int, request: bytes, connections: int) -> dict[str, float]:
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_connection(lambda: Connection(request, self), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        start = time.perf_counter()
        self.counted_from, self.end = start + WARM_UP, start + WARM_UP + self.seconds
        for connection in opened:
            self.next(connection)
        due = start
        while (now := time.perf_counter()) < self.end:
            while self.rate is not None and due <= now:
                self.waiting.append(due)
                due += 1 / self.rate
            while self.waiting and self.idle:
                self.idle.popleft().send(self.waiting.popleft())
            await asyncio.sleep(0.0005 if self.rate is not None else 0.05)
        failed = self.failed
        latencies = sorted(self.latencies)
        if not latencies:
            sys.exit("error: no request was answered")
        return {
            "requests": len(latencies) / self.seconds,
            "p50": latencies[len(latencies) // 2] * 1000,
            "p99": latencies[int(len(latencies) * 0.99)] * 1000,
            "p999": latencies[int(len(latencies) * 0.999)] * 1000,
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
