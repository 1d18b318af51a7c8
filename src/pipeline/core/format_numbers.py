"""Format numbers of what outlives a version of the template. A file without a number is of format 1.

Code without format numbers refuses unknown keys. So a file that it reads strictly (signature, release,
data/source.json, the comment's marker) has a number from format 2 on; other files have it from format 1 on.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import PipelineError


def check(name: str, data: Any, newest: int, key: str = "format") -> None:
    """PipelineError where the mapping `data`, read from `name`, has a higher format number than this version reads."""
    number = data.get(key) if isinstance(data, Mapping) else None
    if isinstance(number, int) and number > newest:
        raise newer(name, number, newest)


def newer(name: str, number: int, newest: int) -> PipelineError:
    """The error for a file of format `number`, of which this version reads no more than `newest`."""
    return PipelineError(newer_line(name, number, newest))


def newer_line(name: str, number: int, newest: int) -> str:
    return (
        f"{name} was written by a newer version of the template "
        f"(format {number}; this one reads {newest}): upgrade the template"
    )
