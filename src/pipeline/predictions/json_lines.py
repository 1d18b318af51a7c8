"""JSON lines, plain or compressed, into rows; what is damaged is counted and named, and the rest is read."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from pipeline.models.signature import Signature
from pipeline.predictions import line
from pipeline.predictions.damage import Damage
from pipeline.predictions.rows import Rows

BLOCK = 4 * 2**20  # bytes that are read at a time
LONGEST = 16 * 2**20  # bytes of a line; what is longer is cut, and so damaged
KINDS: dict[str, Any] = {"number": float, "boolean": bool, "category": str, "date": str}
Seen = Callable[[int], None]


class CutError(Exception):
    """A compressed file ends early, or is damaged from some place on."""


def decoder(signature: Signature) -> msgspec.json.Decoder[Any]:
    """Of a line (line.py), strict in its types.

    Columns are numbered, because they may have any name; one that is absent is None.
    """
    kinds = {feature.source: KINDS[feature.kind] for feature in signature.features}
    features = msgspec.defstruct(
        "Features",
        [(f"f{at}", kind | None, None) for at, kind in enumerate(kinds.values())],
        rename={f"f{at}": name for at, name in enumerate(kinds)},
        gc=False,
    )
    return line.decoder(features)


def read(stream: Any, name: str, growing: bool, decoder: Any, damage: Damage, seen: Seen) -> Iterator[Rows]:
    """The rows of a stream, block by block; `seen` is told the bytes that were read.

    The last line of a file that is still `growing` may be half: it is not damage, the next reading has it whole.
    """
    pieces = _inflated(_chunks(stream, seen)) if name.endswith(".gz") else _chunks(stream, seen)
    try:
        for first, lines, whole in _lines(pieces):
            rows = _decoded(name, first, lines, decoder, damage, tolerant=growing and not whole)
            if rows.ids:
                yield rows
    except CutError as error:
        damage.add("files", name, str(error))


def _chunks(stream: Any, seen: Seen) -> Iterator[bytes]:
    while chunk := stream.read(BLOCK):
        seen(len(chunk))
        yield chunk


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gzip stream of one or more members; CutError after all that can be had of it."""
    inflate = zlib.decompressobj(wbits=31)
    begun = False
    for chunk in chunks:
        while chunk:
            begun = True
            try:
                content = inflate.decompress(chunk, BLOCK)
            except zlib.error:
                raise CutError("the compressed file is damaged; what is before that was read") from None
            if content:
                yield content
            chunk = inflate.unconsumed_tail
            if inflate.eof:
                chunk = inflate.unused_data.lstrip(b"\0")
                inflate, begun = zlib.decompressobj(wbits=31), False
    if begun:
        raise CutError("the compressed file is cut off; what is there was read")


def _lines(chunks: Iterator[bytes]) -> Iterator[tuple[int, list[bytes], bool]]:
    """(number of the first line, lines, whether they ended with a newline)."""
    rest, number = b"", 1
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:LONGEST]
        yield number, lines, True
        number += len(lines)
    yield number, [rest], False


def _decoded(name: str, first: int, lines: Sequence[bytes], decoder: Any, damage: Damage, tolerant: bool) -> Rows:
    decode, numbers, rows = decoder.decode, [], []
    for number, text in enumerate(lines, first):
        try:
            rows.append(decode(text))
            numbers.append(number)
        except msgspec.ValidationError as error:
            line.refuse_newer(f"{name}:{number}", text)
            damage.add("types", f"{name}:{number}", _said(error))
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            if text.strip() and not tolerant:
                damage.add("lines", f"{name}:{number}", _said(error))
    flags = [
        (at, kind, column)
        for at, row in enumerate(rows)
        if row.flags
        for kind in ("missing", "unseen")
        for column in getattr(row.flags, kind)
    ]
    return Rows(
        name,
        numbers,
        [row.id for row in rows],
        np.array([round(row.time.timestamp() * 1e6) for row in rows], dtype=np.int64),
        [row.release for row in rows],
        np.array([row.ms for row in rows], dtype=np.float64),
        flags,
        lambda positions: [_told(rows[at]) for at in positions],
    )


def _told(row: Any) -> tuple[Any, ...]:
    time = round(row.time.timestamp() * 1e6)
    return row.id, time, row.release, row.score, row.label, *msgspec.structs.astuple(row.features)


def _said(error: BaseException) -> str:
    """The reason without the data: msgspec names types and fields, a broken encoding is told in words of our own."""
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8 text"
    return "is nested too deeply" if isinstance(error, RecursionError) else str(error)
