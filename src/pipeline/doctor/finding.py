"""What a check has found: one line, with the one command that mends it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

# `missing`: something optional is not there. `not visible`: whether it is right can't be seen from here.
State = Literal["good", "missing", "wrong", "not visible"]


@dataclass(frozen=True)
class Finding:
    """The state of one part, why, and what mends it: a command, or a page of the manual."""

    state: State
    text: str
    remedy: str = ""


Check = Callable[[], Finding]
Checks = dict[str, Check]


def good(text: str) -> Finding:
    return Finding("good", text)


def missing(text: str, remedy: str) -> Finding:
    return Finding("missing", text, remedy)


def wrong(text: str, remedy: str) -> Finding:
    return Finding("wrong", text, remedy)


def not_visible(text: str, remedy: str = "") -> Finding:
    return Finding("not visible", text, remedy)
