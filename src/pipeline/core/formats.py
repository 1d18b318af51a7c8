"""Format numbers of what outlives a version of the template. A file without a number is of format 1.

Code from before the numbers refuses keys that it does not know. So a file that it reads strictly (signature, release,
data/source.json, the comment's marker) gets a number from format 2 on, and the others say that they are of format 1.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import PipelineError


def check(where: str, data: Any, newest: int, key: str = "format") -> None:
    """PipelineError where the mapping `data`, read from `where`, has a higher format number than this version reads."""
    number = data.get(key) if isinstance(data, Mapping) else None
    if isinstance(number, int) and number > newest:
        raise newer(where, number, newest)


def newer(where: str, number: int, newest: int) -> PipelineError:
    """The error for a file of format `number`, of which this version reads no more than `newest`."""
    return PipelineError(newer_line(where, number, newest))


def newer_line(where: str, number: int, newest: int) -> str:
    return (
        f"{where} was written by a newer version of the template "
        f"(format {number}; this one reads {newest}): upgrade the template"
    )
