"""Kinds of damage to a file, drawn by a random generator: to its bytes, to a value of its content, or to its place."""

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

Generator = random.Random
# In place of a value: other types, numbers that no double holds or that are out of any range, and text of every sort.
STRANGE: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 2**63, -(2**70), 1e308, -1e308, float("nan"), float("inf"), 10**400, "", " ", "text"),
    *("é\u0301", "\ud7ff", "a\nb", "<<<<<<< HEAD", "2024-13-45", "../../etc", "x" * 5000, [], {}, [[]], {"a": None}),
    *([None], [1, "a"], {"format": 99}),
)
CONFLICT = b"<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> branch\n"


def damage(path: Path, others: list[Path], draw: Generator) -> str:
    """Damage the file and return what was done, in a few words; `others` are files whose content it may get."""
    kinds = [*BYTES.items(), *PLACES.items(), ("another file", None)]
    if (structured := STRUCTURED.get(path.suffix)) and draw.random() < 0.6:
        before = path.read_bytes()
        try:
            content = structured(before, draw)
        except (ValueError, TypeError):
            content = b""
        _replace(path, content)
        return f"a value of its {path.suffix} changed"
    name, change = draw.choice(kinds)
    if change is None:
        other = draw.choice(others)
        _replace(path, other.read_bytes())
        return f"the content of {other}"
    if name in PLACES:
        PLACES[name](path)
    else:
        _replace(path, BYTES[name](path.read_bytes(), draw))
    return name


def _replace(path: Path, content: bytes) -> None:
    path.unlink()  # it may be a hard link of the sample's
    path.write_bytes(content)


def _at(content: bytes, draw: Generator) -> int:
    return draw.randrange(len(content) + 1)


def _insert(content: bytes, part: bytes, draw: Generator) -> bytes:
    place = _at(content, draw)
    return content[:place] + part + content[place:]


def _flip(content: bytes, draw: Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(min(len(changed), draw.choice([1, 1, 3, 20]))):
        changed[draw.randrange(len(changed))] ^= draw.randrange(1, 256)
    return bytes(changed)


def _without_a_line(content: bytes, draw: Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    del lines[draw.randrange(len(lines)) if lines else slice(0)]
    return b"".join(lines)


def _conflict(content: bytes, draw: Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    place = draw.randrange(len(lines) + 1)
    return b"".join([*lines[:place], CONFLICT, *lines[place:]])


BYTES: dict[str, Callable[[bytes, Generator], bytes]] = {
    "truncated": lambda content, draw: content[: _at(content, draw)],
    "empty": lambda content, draw: b"",
    "bytes changed": _flip,
    "NUL bytes": lambda content, draw: _insert(content, b"\0" * draw.choice([1, 500]), draw),
    "all NUL, as after a crash": lambda content, draw: b"\0" * len(content),
    "invalid UTF-8": lambda content, draw: _insert(content, b"\xff\xfe\xc3", draw),
    "UTF-16": lambda content, draw: content.decode("utf-8", "replace").encode("utf-16"),
    "CRLF": lambda content, draw: content.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda content, draw: b"\xef\xbb\xbf" + content,
    "conflict markers": _conflict,
    "a line less": _without_a_line,
    "twice": lambda content, draw: content + content,
    "white space": lambda content, draw: b" \n\t\n",
    "binary": lambda content, draw: draw.randbytes(200),
    "deep brackets": lambda content, draw: b"[" * 3000,
    "only a number": lambda content, draw: b"12345678901234567890123\n",
    "only null": lambda content, draw: b"null\n",
    "only a list": lambda content, draw: b"[1, 2]\n",
    "only a mapping": lambda content, draw: b"{}\n",
}


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(target: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return change


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


PLACES: dict[str, Callable[[Path], None]] = {
    "gone": Path.unlink,
    "a folder": _folder,
    "a link to nothing": _link("nowhere/at/all"),
    "a link to itself": _loop,
}


def _change_value(content: Any, draw: Generator) -> Any:
    """Change one value somewhere in plain lists and dictionaries; the changed content."""
    if isinstance(content, dict | list) and content and draw.random() < 0.85:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        key, action = draw.choice(keys), draw.random()
        if action < 0.1:
            del content[key]
        elif action < 0.17 and isinstance(content, dict):
            content[draw.choice(["unknown", "", "format", "é"])] = content.pop(key)
        elif action < 0.22 and isinstance(content, dict):
            content["format"] = content["version"] = draw.choice([0, 2, 99, "2", None])
        else:
            content[key] = _change_value(content[key], draw)
        return content
    return draw.choice(STRANGE)


def _json(content: bytes, draw: Generator) -> bytes:
    return json.dumps(_change_value(json.loads(content), draw)).encode()


def _json_lines(content: bytes, draw: Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    for _ in range(draw.choice([1, 1, 5, len(lines)])):
        place = draw.randrange(len(lines))
        lines[place] = _json(lines[place], draw) + b"\n"
    return b"".join(lines)


def _yaml(content: bytes, draw: Generator) -> bytes:
    plain = YAML(typ="safe")
    stream = io.BytesIO()
    plain.dump(_change_value(plain.load(content), draw), stream)
    return stream.getvalue()


def _csv(content: bytes, draw: Generator) -> bytes:
    rows = [line.split(b",") for line in content.splitlines()]
    for _ in range(draw.choice([1, 1, 10])):
        row = rows[draw.choice([0, draw.randrange(len(rows))])]
        row[draw.randrange(len(row))] = str(draw.choice(STRANGE)).encode("utf-8", "surrogatepass")
    return b"\n".join(b",".join(row) for row in rows) + b"\n"


def _parquet(content: bytes, draw: Generator) -> bytes:
    """Another table in the same format: a column changed, renamed, of another type or gone; fewer rows, or none."""
    table = pd.read_parquet(io.BytesIO(content))
    column = draw.choice(list(table.columns))
    changes: list[Callable[[], pd.DataFrame]] = [
        lambda: table.drop(columns=column),
        lambda: table.rename(columns={column: draw.choice(["unknown", "", "é", "a.b"])}),
        lambda: table.head(draw.choice([0, 0, 1, 2, 30])),
        lambda: table.iloc[:, :0],
        lambda: table.assign(
            **{column: draw.choice([None, "text", 1e308, float("nan"), True, -1, 0, pd.Timestamp(0)])}
        ),
        lambda: table.assign(**{column: table[column].astype(str)}),
        lambda: table.assign(**{column: pd.Series([[1]] * len(table))}),
        lambda: pd.concat([table, table]),
        lambda: table.assign(unknown=1),
        lambda: table.sample(frac=1, random_state=draw.randrange(1000)),
    ]
    stream = io.BytesIO()
    draw.choice(changes)().to_parquet(stream, index=False)
    return stream.getvalue()


STRUCTURED: dict[str, Callable[[bytes, Generator], bytes]] = {
    ".json": _json,
    ".jsonl": _json_lines,
    ".yaml": _yaml,
    ".lock": _yaml,
    ".csv": _csv,
    ".parquet": _parquet,
}
