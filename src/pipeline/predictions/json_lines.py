"""Reads JSON lines, plain or compressed, as rows; damage is counted and its places listed, and the rest is read."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypedDict

import msgspec
import numpy as np

from pipeline.models.signature import Signature
from pipeline.predictions import line
from pipeline.predictions.damage import Damage
from pipeline.predictions.rows import Rows

BLOCK = 4 * 2**20  # bytes that are read at a time
MAX_LINE = 16 * 2**20  # bytes of a line; a longer one is cut off, and counted as damage
KINDS: dict[str, Any] = {"number": float, "boolean": bool, "category": str, "date": str}
OnRead = Callable[[int], None]


class DamagedGzipError(Exception):
    """A compressed file ends early, or is damaged from some position on."""


def decoder(signature: Signature, *, exact: bool = False) -> msgspec.json.Decoder[Any]:
    """A decoder of log lines (line.py), strict about types.

    Columns are numbered, because they may have any name; an absent one is None. Names that no struct can have make a
    slower decoder, of mappings. `exact`: whole numbers stay whole, which a float may not hold.
    """
    types = KINDS | {"number": int | float} if exact else KINDS
    kinds = {name: types[kind] for name, kind in signature.kinds.items()}
    if not line.can_be_fields(kinds):
        make: Any = TypedDict  # the columns are known when the log is read, not before
        return line.decoder(make("Features", {name: kind | None for name, kind in kinds.items()}, total=False))
    features = msgspec.defstruct(
        "Features",
        [(f"f{number}", kind | None, None) for number, kind in enumerate(kinds.values())],
        rename={f"f{number}": name for number, name in enumerate(kinds)},
        gc=False,
    )
    return line.decoder(features)


def read(
    stream: Any,
    name: str,
    growing: bool,
    decoder: Any,
    columns: Sequence[str],
    damage: Damage,
    on_read: OnRead,
) -> Iterator[Rows]:
    """The rows of a stream with the signature's `columns`, block by block; `on_read` is called with the number of
    bytes read.

    The last line of a file that is still `growing` may be incomplete: no damage, the next run reads it whole.
    """
    chunks = _chunks(stream, on_read)
    try:
        for first, lines, complete in _split_lines(_decompressed(chunks) if name.endswith(".gz") else chunks):
            rows = _decoded(name, first, lines, decoder, columns, damage, tolerant=growing and not complete)
            if rows.ids:
                yield rows
    except DamagedGzipError as error:
        damage.add("files", name, str(error))


def _chunks(stream: Any, on_read: OnRead) -> Iterator[bytes]:
    while chunk := stream.read(BLOCK):
        on_read(len(chunk))
        yield chunk


def _decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gzip stream of one or more members; DamagedGzipError after all that can be decompressed."""
    decompressor = zlib.decompressobj(wbits=31)
    in_member = False
    for chunk in chunks:
        while chunk:
            in_member = True
            try:
                content = decompressor.decompress(chunk, BLOCK)
            except zlib.error:
                raise DamagedGzipError("the compressed file is damaged; only the part before that was read") from None
            if content:
                yield content
            chunk = decompressor.unconsumed_tail
            if decompressor.eof:
                chunk = decompressor.unused_data.lstrip(b"\0")
                decompressor, in_member = zlib.decompressobj(wbits=31), False
    if in_member:
        raise DamagedGzipError("the compressed file is cut off; only the part before the end was read")


def _split_lines(chunks: Iterator[bytes]) -> Iterator[tuple[int, list[bytes], bool]]:
    """(number of the first line, lines, whether they ended with a newline)."""
    rest, number = b"", 1
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:MAX_LINE]
        yield number, lines, True
        number += len(lines)
    yield number, [rest], False


def _decoded(
    name: str,
    first: int,
    lines: Sequence[bytes],
    decoder: Any,
    columns: Sequence[str],
    damage: Damage,
    tolerant: bool,
) -> Rows:
    decode, numbers, rows = decoder.decode, [], []
    for number, text in enumerate(lines, first):
        try:
            rows.append(decode(text))
            numbers.append(number)
        except msgspec.ValidationError as error:
            line.refuse_newer(f"{name}:{number}", text)
            damage.add("types", f"{name}:{number}", _reason(error))
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            if text.strip() and not tolerant:
                damage.add("lines", f"{name}:{number}", _reason(error))
    flags = [
        (position, kind, column)
        for position, row in enumerate(rows)
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
        lambda positions: [_as_tuple(rows[position], columns) for position in positions],
    )


def _as_tuple(row: Any, columns: Sequence[str]) -> tuple[Any, ...]:
    features = row.features
    values = map(features.get, columns) if isinstance(features, dict) else msgspec.structs.astuple(features)
    return row.id, round(row.time.timestamp() * 1e6), row.release, row.score, row.label, *values


def _reason(error: BaseException) -> str:
    """Why a line can't be read, without its data: msgspec names only types and fields, decoding errors quote bytes."""
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8 text"
    return "is nested too deeply" if isinstance(error, RecursionError) else str(error)
