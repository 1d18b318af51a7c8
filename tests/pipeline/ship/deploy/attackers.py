"""Clients that hold connections: `python attackers.py HOST PORT IDLE SLOW SECONDS` prints what they saw.

An idle one sends nothing. A slow one sends the head of a large request and nearly all of its body at once, then a byte
a second. Whatever is closed is opened again.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

BODY, HELD_BACK = 2_000_000, 1000  # bytes of a slow client's request, and how many of them it sends one by one
Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
seen = Counter[str]()


async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    seen["idle: closed"] += 1


async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY}\r\n\r\n".encode())
    writer.write(b"x" * (BODY - HELD_BACK))
    answer = asyncio.ensure_future(reader.read(12))
    while not answer.done():
        await asyncio.wait([answer], timeout=1)
        writer.write(b"x")
    seen[f"slow: {answer.result().decode() or 'closed'}"] += 1


async def hold(kind: Client, host: str, port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            seen["opened"] += 1
            with contextlib.suppress(OSError):
                await kind(reader, writer)
            writer.close()
        await asyncio.sleep(1)


async def main(host: str, port: int, idle_count: int, slow_count: int, seconds: float) -> None:
    tasks = []
    for number in range(idle_count + slow_count):
        tasks.append(asyncio.ensure_future(hold(idle if number < idle_count else slow, host, port)))
        if number % 100 == 99:
            await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.sleep(seconds)
    print(json.dumps(seen), flush=True)
    os._exit(0)  # it would take long to end all tasks


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
