"""The error that a wrong input raises, and lines for its message."""

from collections.abc import Iterable


class PipelineError(Exception):
    """An error that the user can fix: one line that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with status 2.
    """


def listed(names: Iterable[object]) -> str:
    """Names for an error's line: the first ten, and how many more there are."""
    texts = [str(name) or '""' for name in names]
    return ", ".join(texts[:10]) + (f" and {len(texts) - 10} more" if len(texts) > 10 else "")


def last_line(text: str) -> str:
    """The last line of a program's error output, without its prefix."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ").removeprefix("ERROR: ") if lines else "no message"
