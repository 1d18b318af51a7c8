"""The form of a CSV file, by its content: encoding, separator, decimal sign."""

import bz2
import codecs
import csv
import gzip
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.adopt.decisions import Decision
from pipeline.core import params
from pipeline.core.errors import PipelineError

HEAD = 1 << 20  # characters that separator and decimal sign are judged by
ROWS = 2000
SEPARATORS = {",": ",", ";": ";", "\t": "tab", "|": "|"}
BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# What charset-normalizer may say: encodings of Western and Central Europe, Cyrillic, Greek, Turkish and East Asia.
ENCODINGS = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "shift_jis", "gb18030", "big5", "euc_kr"]
CLEAR = 0.5  # coherence with a language from which letters tell the encoding
COMMA, POINT = re.compile(r"[+-]?\d+,\d+"), re.compile(r"[+-]?\d+\.\d+")


def detect(path: Path, name: str, encoding: str | None = None) -> tuple[params.Csv, list[Decision]]:
    """The form of the file and what shows it; `encoding` as a person says, where given. PipelineError without rows."""
    encoding, why = (encoding, "as --encoding says") if encoding else _encoding(path)
    text = _head(path, encoding)
    rows, separator, agreeing = _rows(text)
    if len(rows) < 2:
        raise PipelineError(f"{name}: holds no row below a header; name a file with a header and rows")
    decimal, how_decimal = _decimal(rows[1:], separator)
    form = params.Csv(separator=SEPARATORS[separator], decimal=decimal, encoding=encoding)  # type: ignore[arg-type]
    return form, [
        Decision("Source", "data.csv.encoding", encoding, why),
        Decision(
            "Source",
            "data.csv.separator",
            repr(form.separator),
            f"{agreeing:,} of the first {len(rows):,} rows have {len(rows[0]):,} columns with it",
        ),
        Decision("Source", "data.csv.decimal", repr(decimal), how_decimal),
    ]


def _open(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix == ".zst":
        import pyarrow as pa

        return pa.input_stream(str(path), compression="zstd")
    return gzip.open(path) if suffix == ".gz" else bz2.open(path) if suffix == ".bz2" else path.open("rb")


def _encoding(path: Path) -> tuple[str, str]:
    """UTF-8 where every byte of the file is, else the likeliest by its letters."""
    decoder, first, suspicious = codecs.getincrementaldecoder("utf-8")(), b"", b""
    try:
        with _open(path) as stream:
            while block := stream.read(HEAD):
                first = first or block
                for mark, encoding in BOMS.items():
                    if first.startswith(mark) and encoding != "utf-8":
                        return encoding, "the file begins with the mark of UTF-16"
                suspicious = block
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _by_letters(suspicious)
    except (OSError, EOFError) as error:
        raise PipelineError(f"{path.name}: can't be read ({error}); get the file again") from None
    return "utf-8", "every byte of the file is UTF-8"


def _by_letters(block: bytes) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    lines = [line for line in block.splitlines() if any(byte > 127 for byte in line)][:500]
    matches = list(from_bytes(b"\n".join(lines), cp_isolation=ENCODINGS))
    usual = next((match for match in matches if match.encoding == "cp1252"), None)
    # A few accents alone fit several encodings of Latin letters: then the most usual one.
    latin = matches and matches[0].encoding in ("cp1250", "cp1254") and matches[0].coherence < CLEAR
    encoding = "cp1252" if not matches or (latin and usual) else matches[0].encoding
    example = next(iter(re.findall(r"\w*[^\x00-\x7f]\w*", lines[0].decode(encoding, errors="replace"))), "")
    return encoding, f"not UTF-8; the letters of {len(lines):,} lines fit {encoding} best, as in {example!r}"


def _head(path: Path, encoding: str) -> str:
    with _open(path) as stream:
        content = stream.read(HEAD)
    return codecs.decode(content, encoding, errors="ignore").removeprefix("\ufeff")


def _rows(text: str) -> tuple[list[list[str]], str, int]:
    """The rows by the separator with which most of them have the header's columns; of equal ones, that with more."""
    best: tuple[list[list[str]], str, int] = [], ",", 0
    for separator in SEPARATORS:
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
            rows = [row for row, _ in zip((row for row in reader if row), range(ROWS + 1), strict=False)]
        except csv.Error:
            continue
        if len(text) >= HEAD - 4 and len(rows) <= ROWS:
            rows = rows[:-1]  # the last one is cut off
        agreeing = sum(len(row) == len(rows[0]) for row in rows) if rows else 0
        if not best[0] or (len(rows[0]) > 1, agreeing, len(rows[0])) > (len(best[0][0]) > 1, best[2], len(best[0][0])):
            best = rows, separator, agreeing
    return best


def _decimal(rows: list[list[str]], separator: str) -> tuple[str, str]:
    counts = Counter(
        sign
        for row in rows
        for value in row
        for sign, form in ((",", COMMA), (".", POINT))
        if form.fullmatch(value.strip())
    )
    if separator != "," and counts[","] > counts["."]:
        return ",", f"{counts[',']:,} values such as 1,5 and {counts['.']:,} such as 1.5"
    return ".", f"{counts['.']:,} values such as 1.5" if counts["."] else "no value has a decimal comma"
