"""The one error that a wrong input raises."""

from collections.abc import Iterable


class PipelineError(Exception):
    """Something the user must act on: one line that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with status 2.
    """


def listed(names: Iterable[object]) -> str:
    """Names for an error's line: the first ten, and how many more there are."""
    shown = [str(name) for name in names]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")


def last_line(text: str) -> str:
    """The last line of a program's error output, without its prefix."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ").removeprefix("ERROR: ") if lines else "no message"
