"""Requests of one turn of the event loop, without a server."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from pipeline.ship.service.endpoints import Request
from pipeline.ship.service.together import MAX_BYTES, Together


def request(body: bytes) -> Request:
    return Request(body, "r", False, 0.0)


class Reader:
    """Answers with the body; fails for the body `bad`; keeps what was read together."""

    def __init__(self) -> None:
        self.groups = list[list[bytes]]()

    def __call__(self, requests: Sequence[Request]) -> list[Callable[[], bytes]]:
        self.groups.append([one.body for one in requests])
        return [partial(self._answer, one.body) for one in requests]

    def _answer(self, body: bytes) -> bytes:
        if body == b"bad":
            raise ValueError("bad")
        return body


def answers(read: Callable[[Sequence[Request]], Sequence[Callable[[], bytes]]], bodies: list[bytes]) -> list[object]:
    async def ask() -> list[object]:
        together = Together(read)
        return await asyncio.gather(*(together(request(body)) for body in bodies), return_exceptions=True)

    return asyncio.run(ask())


def test_what_arrives_in_one_turn_is_read_together_and_fails_alone() -> None:
    read = Reader()
    one, bad, two = answers(read, [b"one", b"bad", b"two"])
    assert (one, two, str(bad)) == (b"one", b"two", "bad")
    assert read.groups == [[b"one", b"bad", b"two"]]


def test_large_bodies_are_read_by_themselves() -> None:
    read, large = Reader(), b"x" * (MAX_BYTES + 1)
    half = large[: MAX_BYTES // 2]
    bodies = [b"a", large, half, half, b"b", b"c"]
    assert answers(read, bodies) == bodies
    assert read.groups == [[b"a"], [large], [half, half], [b"b", b"c"]]


def test_a_reader_that_fails_leaves_no_request_waiting() -> None:
    def read(requests: Sequence[Request]) -> list[Callable[[], bytes]]:
        raise MemoryError("none left")

    assert list(map(str, answers(read, [b"one", b"two"]))) == ["none left", "none left"]


def test_a_request_whose_client_has_gone_is_not_answered() -> None:
    async def ask() -> bytes:
        together = Together(read)
        gone = asyncio.ensure_future(together(request(b"gone")))
        stays = asyncio.ensure_future(together(request(b"stays")))
        asyncio.get_running_loop().call_soon(gone.cancel)
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await stays

    read = Reader()
    assert asyncio.run(ask()) == b"stays"
