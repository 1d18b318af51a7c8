"""Single values of a YAML file replaced in place: comments, order, quotes and line endings stay as they are."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import PipelineError

PLAIN = re.compile(r"[A-Za-z_][\w-]*")
KEYWORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
# A value as written in the file: quoted, or up to a comment, the line's end, or the next sign of a flow collection.
VALUE = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,}\]#][^,}\]\r\n]*?)([ \t]*)(?=[,}\]\r\n]|[ \t]#|$)""")


def replace(path: Path, section: str, values: Mapping[str, Any]) -> None:
    """Replace values of `section` in the file by `values`; PipelineError where a key has no plain value in it."""
    files.write_text(path, replaced(path.read_bytes().decode("utf-8"), section, values, path))


def replaced(text: str, section: str, values: Mapping[str, Any], path: Path) -> str:
    """The text of the file `path` with values of `section` replaced; PipelineError as `replace`."""
    for key, value in values.items():
        text = _replace(path, text, section, key, scalar(value))
    return text


def scalar(value: Any) -> str:
    """A value in a form that YAML 1.1 and 1.2 read alike: 1.0e-08, not 1e-08, which some parsers read as text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        mantissa, sign, exponent = repr(value).partition("e")
        return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}{sign}{exponent}"
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) and value.lower() not in KEYWORDS else json.dumps(value)
    return str(value)


def _replace(path: Path, text: str, section: str, key: str, value: str) -> str:
    from ruamel.yaml import YAML

    lines = text.splitlines(keepends=True)
    try:
        line, column = YAML().load(text)[section].lc.value(key)
    except (AttributeError, KeyError, TypeError):
        raise PipelineError(f"{path}: {section}.{key}: has no line of its own to write to; set it to {value}") from None
    match = VALUE.match(lines[line], column)
    if match is None:
        raise PipelineError(f"{path}: {section}.{key}: is not a single value; set it to {value}")
    rest = (
        lines[line][match.end() :].lstrip(" \t") if _comment(lines[line], match.end()) else lines[line][match.end() :]
    )
    width = match.end() - column + len(lines[line][match.end() :]) - len(rest)
    pad = max(width - len(value), 2) if rest.startswith("#") else len(match[2])
    lines[line] = f"{lines[line][:column]}{value}{' ' * pad}{rest}"
    return "".join(lines)


def _comment(line: str, position: int) -> bool:
    return line[position:].lstrip(" \t").startswith("#")
