"""What this process and its children print: still shown, and its last lines captured."""

import contextlib
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence

LINES, LENGTH = 40, 1000  # as many as a measurement holds
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*(\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]")
SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|CREDENTIAL|ACCESS_KEY|API_KEY")
PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")


@contextlib.contextmanager
def captured(maximum: int = 2000, timeout: float = 5) -> Iterator[deque[str]]:
    """The last lines that are printed inside the block, by whatever process; complete once the block has ended."""
    lines = deque[str](maxlen=maximum)
    _flush()
    saved = os.dup(1), os.dup(2)
    read_end, write_end = os.pipe()
    for stream in (1, 2):
        os.dup2(write_end, stream)
    os.close(write_end)
    thread = threading.Thread(target=_forward, args=(read_end, saved[0], lines), daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        _flush()
        for stream, original in enumerate(saved, start=1):
            os.dup2(original, stream)
        thread.join(timeout=timeout)  # a process that a stage left behind may hold the pipe open
        os.close(saved[1])


def last_lines(lines: Sequence[str]) -> list[str]:
    """The last lines, without colours and control characters, cut to what a measurement holds, secrets left out."""
    cleaned = [clean(line) for line in lines]
    return [line for line in cleaned if line.strip()][-LINES:]


def clean(text: str) -> str:
    """One line that is safe to publish: no control characters, no password of a URL, no secret of the environment."""
    text = PASSWORD.sub("", CONTROL.sub("", text.rstrip("\r\n").rsplit("\r", 1)[-1]))
    for name, value in os.environ.items():
        if SECRET.search(name.upper()) and len(value) >= 8:
            text = text.replace(value, "***")
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"


def _forward(read_end: int, target: int, lines: deque[str]) -> None:
    with os.fdopen(read_end, "rb") as stream:
        for line in stream:
            lines.append(line.decode("utf-8", "replace"))
            with contextlib.suppress(OSError):  # the reader has closed the output
                os.write(target, line)
    os.close(target)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
