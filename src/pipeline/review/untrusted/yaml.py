"""YAML that nobody has reviewed: its events are looked at before anything is built of them.

Deep nesting overflows the stack of the constructor and takes Python down with it; aliases grow to any size.
"""

from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError

LONGEST = 1_000_000  # bytes
DEEPEST = 40


def read(path: Path) -> dict[str, Any]:
    """A mapping of sections; PipelineError, in one line, where the file is none or too large to look at."""
    return parse(path.read_bytes(), path.name)


def parse(content: bytes, name: str) -> dict[str, Any]:
    """The same of a text in memory; `name` is for the error."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if len(content) > LONGEST:
        raise PipelineError(f"{name}: is larger than {LONGEST:,} bytes; that is more than is looked at")
    try:
        found = YAML(typ="safe").load(content) if _harmless(content) else None
    except (YAMLError, ValueError, TypeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PipelineError(f"{name}: is no plain mapping of sections (aliases and deep nesting are not looked at)")
    return found


def _harmless(content: bytes) -> bool:
    """Whether the events hold no alias and no deep nesting."""
    from ruamel.yaml import YAML

    depth = 0
    for event in YAML(typ="safe").parse(content):
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        if kind == "AliasEvent" or depth > DEEPEST:
            return False
    return True
