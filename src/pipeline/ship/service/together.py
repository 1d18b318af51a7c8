"""Requests that arrive in one turn of the event loop are read together: a function of the project's, called for eight
rows, takes little longer than for one."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from pipeline.ship.service.endpoints import Request

Answer = Callable[[], bytes]
MAX_BYTES = 2**16  # of the bodies that are read together: about a hundred rows, of which memory holds no more at a time
Waiting = tuple[Request, asyncio.Future[bytes]]


class Together:
    """`read` gets the requests of a turn and returns what answers each; what that raises, its own request raises."""

    def __init__(self, read: Callable[[Sequence[Request]], Sequence[Answer]]) -> None:
        self._read = read
        self._waiting: list[Waiting] = []

    async def __call__(self, request: Request) -> bytes:
        """The answer as JSON."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._waiting.append((request, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._answer_all)  # after all that this turn brings
        return await future

    def _answer_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for group in _groups(waiting):
            try:
                answers = self._read([request for request, _ in group])
            except Exception as error:
                answers = [_raising(error)] * len(group)
            for (_, future), answer in zip(group, answers, strict=True):
                _settle(future, answer)


def _settle(future: asyncio.Future[bytes], answer: Answer) -> None:
    if future.done():  # its client has gone
        return
    try:
        future.set_result(answer())
    except Exception as error:
        future.set_exception(error)


def _raising(error: Exception) -> Answer:
    def answer() -> bytes:
        raise error

    return answer


def _groups(waiting: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """Requests of at most MAX_BYTES together; a larger one alone."""
    group, size = list[Waiting](), 0
    for one in waiting:
        length = len(one[0].body)
        if group and size + length > MAX_BYTES:
            yield group
            group, size = [], 0
        group.append(one)
        size += length
    if group:
        yield group
