"""The error that a wrong input raises, and lines for its message."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class PipelineError(Exception):
    """An error that the user can fix: one line that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with status 2.
    """


def listed(names: Iterable[object]) -> str:
    """Names for an error's line: the first ten, and how many more there are."""
    texts = [str(name) or '""' for name in names]
    return ", ".join(texts[:10]) + (f" and {len(texts) - 10} more" if len(texts) > 10 else "")


def first_problem(error: "ValidationError", whole: str = "") -> str:
    """The first of pydantic's problems as "key: what is wrong"; `whole` stands for the key of what has none."""
    problem = error.errors()[0]
    key = ".".join(map(str, problem["loc"])) or whole
    return f"{key}: {problem['msg']}" if key else problem["msg"]


def last_line(text: str) -> str:
    """The last line of a program's error output, without its prefix."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ").removeprefix("ERROR: ") if lines else "no message"
