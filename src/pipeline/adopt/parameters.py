"""params.yaml from values, with the descriptions of the types as comments."""

import json
import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from pipeline.core.params import Params
from pipeline.train.tuning.yaml_edit import scalar

HEADER = """\
# Every setting you may change. Each stage of dvc.yaml reads only the sections that it names, so a change here runs only
# what depends on it. A typo or an impossible value stops before any work, with one line that names the key.
# docs/reference/parameters.md lists what each key allows.
"""
COLUMN = 40  # where comments begin
FLOW = 4  # items of a mapping up to which it stands on one line
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def document(values: Mapping[str, Any]) -> str:
    """The text of params.yaml: sections and keys in the order of the types, each with its comment."""
    parts = [HEADER]
    for name, field in Params.model_fields.items():
        if section := _section(field.annotation):
            parts.append("\n".join([f"{name}:", *_lines(values[name], section, "  ")]) + "\n")
        else:
            parts.append(_commented(f"{name}: {_value(values[name])}", field.description) + "\n")
    return "\n".join(parts)


def with_choices(current: Params, choices: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The values of params.yaml, with those chosen in place of the current ones; a key is `section.key`."""
    values: dict[str, dict[str, Any]] = current.model_dump(mode="json")
    for key, value in choices.items():
        section, *path = key.split(".")
        place: Any = values[section]
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value
    return values


def _lines(values: Mapping[str, Any], section: type[BaseModel], indent: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        value, inner = values.get(name), _section(field.annotation)
        if inner and isinstance(value, Mapping):
            yield _commented(f"{indent}{name}:", field.description)
            yield from _lines(value, inner, f"{indent}  ")
        elif isinstance(value, Mapping) and value and (name != "monotone" or len(value) > FLOW):
            yield _commented(f"{indent}{name}:", field.description)
            yield from (f"{indent}  {_text(key)}: {_value(item)}" for key, item in value.items())
        else:
            yield _commented(f"{indent}{name}: {_value(value)}", field.description)


def _commented(line: str, comment: str | None) -> str:
    return f"{line.ljust(COLUMN - 1)} # {comment}" if comment else line


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section that a key holds, also where it may be null."""
    kinds = get_args(annotation) if get_origin(annotation) is UnionType else (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        items = ((key, item) for key, item in value.items() if not (key == "log" and item is False))
        return "{" + ", ".join(f"{_text(key)}: {_value(item)}" for key, item in items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return _text(value) if isinstance(value, str) else scalar(value)


def _text(text: Any) -> str:
    if not isinstance(text, str):
        return scalar(text)
    # In flow collections and before comments more signs have a meaning than in a plain value: all others are quoted.
    plain = NAME.fullmatch(text) and scalar(text) == text
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())
