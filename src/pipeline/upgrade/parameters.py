"""`params.yaml` merged by key: the project's text and values stay, new keys come with their comments.

Text is edited line by line, as a YAML writer would move comments and change how values are written.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pipeline.core.params import Params, Section
from pipeline.core.yaml import parse_yaml

NAME = "params.yaml"
Path = tuple[str, ...]
ABSENT = object()


@dataclass
class Merged:
    """The text of the merged file, a line for each thing done to it, and one for each that needs a hand."""

    text: str
    done: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    """Where a key and its value stand in a text."""

    line: int
    column: int
    value: Any  # ruamel's node
    siblings: tuple[Path, ...]


def merge(base: str, own: str, new: str, renamed: Mapping[str, str], removed: Mapping[str, str]) -> Merged:
    """The project's file (`own`) for the template that has `new` in place of `base`.

    `renamed`: old and new keys, dotted. `removed`: keys that are gone, and what there is instead.
    """
    merged = Merged(own)
    for old, key in renamed.items():
        _rename(merged, tuple(old.split(".")), tuple(key.split(".")), new)
    for key, instead in removed.items():
        _remove(merged, tuple(key.split(".")), instead)
    _add_new(merged, parse_yaml(base, NAME) or {}, new)
    values = (parse_yaml(base, NAME) or {}, parse_yaml(merged.text, NAME) or {}, parse_yaml(new, NAME) or {})
    for path, ours, theirs in _changed(*values):
        merged.done.append(f"{'.'.join(path)}: stays {ours!r}; the template's is {theirs!r} now")
    return merged


def _rename(merged: Merged, old: Path, key: Path, new: str) -> None:
    entries, theirs = _entries(merged.text), _entries(new)
    entry = entries.get(old)
    if entry is None or key not in theirs or key in entries or _is_mapping(entry.value):
        return
    value = merged.text[entry.value.start_mark.index : entry.value.end_mark.index]
    if "\n" in value:
        merged.by_hand.append(f"{NAME}: {'.'.join(old)} is {'.'.join(key)} now; move its value")
        return
    start, end = _lines_of(merged.text, old)
    inside = key[: len(old)] == old
    block = _block(new, old, entry.column) if inside else ""
    merged.text = _replace(merged.text, start, end, block)
    if not inside:
        _insert(merged, key, new)
    merged.text = _with_value(merged.text, key, value)
    merged.done.append(f"{'.'.join(old)}: is {'.'.join(key)} now, with your value {value}")


def _remove(merged: Merged, path: Path, instead: str) -> None:
    if path not in _entries(merged.text):
        return
    value = _at(parse_yaml(merged.text, NAME), path)
    start, end = _lines_of(merged.text, path)
    lines = merged.text.splitlines()
    while len(path) == 1 and end < len(lines) and not lines[end].strip():
        end += 1
    merged.text = _replace(merged.text, start, end, "")
    merged.done.append(f"{'.'.join(path)}: is gone (you had {value!r}); {instead}")


def _add_new(merged: Merged, base: Any, new: str) -> None:
    """Insert each key that the template has now and had not before; a key that the project removed stays away."""
    skipped: Path | None = None
    for path in _entries(new):
        if skipped and path[: len(skipped)] == skipped:
            continue
        skipped = None
        own = _entries(merged.text)
        if path in own:
            if not is_section(path):  # a mapping of the project's own names
                skipped = path
            elif not _is_mapping(own[path].value):
                skipped = path
                _name_missing(merged, base, new, path)
            continue
        if _at(base, path) is ABSENT:
            _insert(merged, path, new)
        skipped = path


def _name_missing(merged: Merged, base: Any, new: str, path: Path) -> None:
    """Name what is new in a section that the project has written on one line."""
    ours, theirs, before = (
        _at(content, path) for content in (parse_yaml(merged.text, NAME), parse_yaml(new, NAME), base)
    )
    if isinstance(ours, dict) and isinstance(theirs, dict):
        missing = [key for key in theirs if key not in ours and key not in (before if isinstance(before, dict) else {})]
        merged.by_hand += [
            f"{NAME}: {'.'.join((*path, key))} is new; add it to the line of {path[-1]}" for key in missing
        ]


def _insert(merged: Merged, path: Path, new: str) -> None:
    """Put the template's lines of a key behind the key that is before it there."""
    own, theirs = _entries(merged.text), _entries(new)
    name, siblings = ".".join(path), theirs[path].siblings
    present = [sibling for sibling in siblings[: siblings.index(path)] if sibling in own]
    children = [key for key in own if key[:-1] == path[:-1] and len(key) == len(path)]
    if not children:
        merged.by_hand.append(f"{NAME}: {name} is new, and {'.'.join(path[:-1])} has no lines to put it in; add it")
        return
    column = own[children[0]].column
    block = _block(new, path, column)
    place = _lines_of(merged.text, present[-1])[1] if present else _lines_of(merged.text, children[0])[0]
    if len(path) == 1:
        block = f"\n{block}" if present else f"{block}\n"
    merged.text = _replace(merged.text, place, place, block)
    merged.done.append(f"{name}: is new")


def _changed(base: Any, own: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """The values that the project has left as they were, and that the template has changed."""
    if path and not (isinstance(new, dict) and isinstance(own, dict) and is_section(path)):
        if own == base != new and not isinstance(new, dict):
            yield path, own, new
        return
    for key in new:
        if key in own and key in (base if isinstance(base, dict) else {}):
            yield from _changed(base[key], own[key], new[key], (*path, key))


def is_section(path: Path) -> bool:
    """Whether the keys below this one are the template's; a mapping such as gate.floors has the project's own."""
    model: Any = Params
    for part in path:
        known = getattr(model, "model_fields", {}).get(part)
        if known is None:
            return True  # newer than this program
        kinds = get_args(known.annotation) or (known.annotation,)
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)
        if model is None:
            return False
    return True


@functools.lru_cache(maxsize=4)
def _entries(text: str) -> dict[Path, Entry]:
    """Every key that has a line of its own, by its path, in the order of the text."""
    from ruamel.yaml import YAML

    def walk(node: Any, path: Path) -> Iterator[tuple[Path, Entry]]:
        paths = tuple((*path, str(key.value)) for key, _ in node.value)
        for (key, value), own in zip(node.value, paths, strict=True):
            yield own, Entry(key.start_mark.line, key.start_mark.column, value, paths)
            if _is_mapping(value):
                yield from walk(value, own)

    root = YAML().compose(text)
    return dict(walk(root, ())) if root is not None and _is_mapping(root) else {}


def _is_mapping(node: Any) -> bool:
    """Whether a node is a mapping with a line for each key."""
    return bool(node.id == "mapping" and not node.flow_style)


def _lines_of(text: str, path: Path) -> tuple[int, int]:
    """The lines of a key and its value, as a half-open range; comment lines right above the key belong to it."""
    entries, lines = _entries(text), text.splitlines()
    entry = entries[path]
    later = [other.line for other in entries.values() if other.line > entry.line and other.column <= entry.column]
    end = _first_comment(lines, min(later), entry.column) if later else len(lines)
    while end > entry.line + 1 and not _belongs(lines[end - 1], entry.column):
        end -= 1
    return _first_comment(lines, entry.line, entry.column), end


def _belongs(line: str, column: int) -> bool:
    """Whether the last line of a block is its own: not empty, and no comment that stands further left."""
    indent = len(line) - len(line.lstrip())
    return bool(line.strip()) and not (line.lstrip().startswith("#") and indent <= column)


def _first_comment(lines: list[str], line: int, column: int) -> int:
    while line > 0 and lines[line - 1].lstrip().startswith("#") and lines[line - 1].index("#") == column:
        line -= 1
    return line


def _block(text: str, path: Path, column: int) -> str:
    """The lines of a key and its value, moved to this column."""
    start, end = _lines_of(text, path)
    shift = column - _entries(text)[path].column
    lines = text.splitlines()[start:end]
    moved = [" " * shift + line if shift > 0 else line[-shift:] for line in lines]
    return "".join(f"{line}\n" for line in moved)


def _replace(text: str, start: int, end: int, block: str) -> str:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join([*lines[:start], block, *lines[end:]])


def _with_value(text: str, path: Path, value: str) -> str:
    """The text with another value of a key; a comment behind it keeps its column where it can."""
    node = _entries(text)[path].value
    start, end = node.start_mark.index, node.end_mark.index
    rest = text[end:]
    gap = len(rest) - len(rest.lstrip(" "))
    pad = max(gap + (end - start) - len(value), 2) if rest.lstrip(" ").startswith("#") else gap
    return f"{text[:start]}{value}{' ' * pad}{rest[gap:]}"


def _at(content: Any, path: Path) -> Any:
    for part in path:
        if not isinstance(content, dict) or part not in content:
            return ABSENT
        content = content[part]
    return content
