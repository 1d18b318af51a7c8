"""What this process and its children print: shown as before, and the last lines of it kept."""

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
def kept(most: int = 2000, patience: float = 5) -> Iterator[deque[str]]:
    """The last lines that are printed inside the block, by whatever process; complete once the block has ended."""
    lines = deque[str](maxlen=most)
    _flush()
    saved = os.dup(1), os.dup(2)
    reading, writing = os.pipe()
    for stream in (1, 2):
        os.dup2(writing, stream)
    os.close(writing)
    thread = threading.Thread(target=_pass_on, args=(reading, saved[0], lines), daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        _flush()
        for stream, before in enumerate(saved, start=1):
            os.dup2(before, stream)
        thread.join(timeout=patience)  # a process that a stage left behind may hold the pipe open
        os.close(saved[1])


def tidy(lines: Sequence[str]) -> list[str]:
    """The last lines, without colours and control characters, cut to what a measurement holds, secrets left out."""
    shown = [clean(line) for line in lines]
    return [line for line in shown if line.strip()][-LINES:]


def clean(text: str) -> str:
    """One line that anybody may read: no control characters, no password of a URL, no secret of the environment."""
    text = PASSWORD.sub("", CONTROL.sub("", text.rstrip("\r\n").rsplit("\r", 1)[-1]))
    for name, value in os.environ.items():
        if SECRET.search(name.upper()) and len(value) >= 8:
            text = text.replace(value, "***")
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"


def _pass_on(reading: int, shown: int, lines: deque[str]) -> None:
    with os.fdopen(reading, "rb") as stream:
        for line in stream:
            lines.append(line.decode("utf-8", "replace"))
            with contextlib.suppress(OSError):  # a reader that has gone away
                os.write(shown, line)
    os.close(shown)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
