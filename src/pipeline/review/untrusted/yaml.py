"""Unreviewed YAML: its events are checked before anything is constructed from them.

Deep nesting overflows the stack of the constructor and crashes Python; aliases expand to any size.
"""

from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError

MAX_BYTES = 1_000_000  # bytes
MAX_DEPTH = 40


def read(path: Path) -> dict[str, Any]:
    """A mapping of sections; PipelineError, in one line, where the file is not one or too large."""
    return parse(path.read_bytes(), path.name)


def parse(content: bytes, name: str) -> dict[str, Any]:
    """The same for content in memory; `name` is for the error."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if len(content) > MAX_BYTES:
        raise PipelineError(f"{name}: is larger than {MAX_BYTES:,} bytes, the limit for unreviewed YAML")
    try:
        tree = YAML(typ="safe").load(content) if _is_safe(content) else None
    except (YAMLError, ValueError, TypeError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        raise PipelineError(f"{name}: not a plain mapping of sections (aliases and deep nesting are refused)")
    return tree


def _is_safe(content: bytes) -> bool:
    """Whether the events hold no alias and no deep nesting."""
    from ruamel.yaml import YAML

    depth = 0
    for event in YAML(typ="safe").parse(content):
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        if kind == "AliasEvent" or depth > MAX_DEPTH:
            return False
    return True
