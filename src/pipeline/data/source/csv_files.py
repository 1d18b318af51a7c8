"""Reading CSV files: separator, decimal mark, encoding and dates as `data.csv` has them; types by the values."""

import codecs
import csv
import io
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core import params
from pipeline.core.errors import PipelineError

WHOLE = re.compile(r"[+-]?[0-9]{1,308}")
CODE = r"^\s*-?0[0-9xX]"  # such as 007 and 0x10, which Arrow reads as 7 and 16
HEAD = 4096  # bytes that show what a file is
# How files begin that are no CSV, and what to do.
OTHERS = {
    b"PK\x03\x04": "is an Excel workbook or another zip file, not CSV; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook, not CSV; save the sheet as CSV",
    b"PAR1": "is Parquet, not CSV; let its name end with .parquet",
    b"\x1f\x8b": "is compressed by gzip; let its name end with .csv.gz",
    b"BZh": "is compressed by bzip2; let its name end with .csv.bz2",
    b"\x28\xb5\x2f\xfd": "is compressed by Zstandard; let its name end with .csv.zst",
}
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SEPARATORS = {";": (";", "semicolons"), "\t": ("tab", "tabs"), "|": ("|", "bars")}  # value of data.csv.separator, name


def read(
    path: Path, name: str, compression: str | None, missing: Sequence[str], text: Collection[str], form: params.Csv
) -> pa.Table:
    """The table in a CSV file, `name` in errors.

    An empty field is missing, and so is a text in `missing`; the columns `text` are text, and so are columns with whole
    numbers that 64 bits do not hold or that begin with a zero, and times of day.

    PipelineError for a file that is none, or not in this form.
    """
    import pyarrow.csv as arrow_csv

    bad_rows: list[int] = []

    def record_row(row: arrow_csv.InvalidRow) -> str:
        bad_rows.append(row.actual_columns)  # the row's text is data, which must not be in a message
        return "error"

    reading = arrow_csv.ReadOptions(encoding=form.encoding)
    parse = arrow_csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=record_row)
    convert = arrow_csv.ConvertOptions(
        strings_can_be_null=True,
        null_values=["", *missing],
        column_types=dict.fromkeys(text, pa.string()),
        decimal_point=form.decimal,
        timestamp_parsers=[*filter(None, [form.dates]), arrow_csv.ISO8601],
    )

    def parsed() -> pa.Table:
        with pa.input_stream(str(path), compression=compression) as stream:
            return arrow_csv.read_csv(stream, read_options=reading, parse_options=parse, convert_options=convert)

    try:
        _check_head(path, name, compression, form)
        table = parsed()
        if numbers := _perhaps_inexact(table):
            convert.include_columns, convert.column_types = numbers, dict.fromkeys(numbers, pa.string())
            table = _with_exact(table, parsed())
    except UnicodeError:
        raise PipelineError(f"{name}: the header is not {_encoding(form)} text; {_ENCODING_ADVICE}") from None
    except (pa.ArrowException, OSError) as error:
        problem = _first_bad_row(path, compression, form) if bad_rows else _problem(error, form)
        raise PipelineError(f"{name}: {problem}; get the file again, then `pipeline fetch`") from None
    for field in table.schema:
        if pa.types.is_binary(field.type):
            raise PipelineError(f"{name}: column {field.name} is not {_encoding(form)} text; {_ENCODING_ADVICE}")
    times = [field.name for field in table.schema if pa.types.is_time(field.type)]
    if times:  # the contract has no type for a time of day
        return read(path, name, compression, missing, {*text, *times}, form)
    return table


_ENCODING_ADVICE = "save the file as UTF-8, or set data.csv.encoding in params.yaml, as latin-1"


def _encoding(form: params.Csv) -> str:
    return form.encoding.upper() if form.encoding.lower().startswith("utf") else form.encoding


def _check_head(path: Path, name: str, compression: str | None, form: params.Csv) -> None:
    """PipelineError where the first bytes show that this is no CSV file of this form."""
    with pa.input_stream(str(path), compression=compression) as stream:
        head = stream.read(HEAD)
    for start, problem in OTHERS.items():
        if head.startswith(start):
            raise PipelineError(f"{name}: {problem}, then `pipeline fetch`")
    if "16" not in form.encoding and (head.startswith(UTF16) or head[:200].count(0) > 20):
        raise PipelineError(
            f"{name}: is UTF-16 text; save the file as UTF-8, or set data.csv.encoding in params.yaml to utf-16"
        )
    text = head.decode(form.encoding, errors="ignore")
    for character, (separator, plural) in SEPARATORS.items():
        if _header_columns(text, form.delimiter) == 1 < _header_columns(text, character):
            raise PipelineError(
                f"{name}: the header has {plural} and no {form.delimiter!r}; set data.csv.separator in params.yaml to "
                f"'{separator}' (and data.csv.decimal to ',' where numbers have decimal commas)"
            )


def _header_columns(text: str, delimiter: str) -> int:
    """How many columns the first row has with this separator; a quoted name may hold separators and line breaks."""
    try:
        return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), []))
    except csv.Error:
        return 0


def _perhaps_inexact(table: pa.Table) -> list[str]:
    """Columns with a number that may be another value in the file: a code such as 007, a large whole number that was
    read as a float, or the text nan."""
    if len(set(table.column_names)) < table.num_columns:  # which is refused
        return []
    return [
        field.name
        for field, column in zip(table.schema, table.columns, strict=True)
        if pa.types.is_integer(field.type)
        or (
            pa.types.is_float64(field.type)
            and pc.any(pc.or_(pc.is_nan(column), pc.greater_equal(pc.abs(column), 2.0**53))).as_py()
        )
    ]


def _with_exact(table: pa.Table, texts: pa.Table) -> pa.Table:
    """The table, with those columns as text whose numbers are not what the file says."""
    for place, name in enumerate(table.column_names):
        if name in texts.column_names and _says_another(texts.column(name), table.schema.field(name).type):
            table = table.set_column(place, name, texts.column(name))
    return table


def _says_another(texts: pa.ChunkedArray, kind: pa.DataType) -> bool:
    """Whether a text is not the number that was read as `kind`."""
    if pa.types.is_integer(kind):
        return bool(pc.any(pc.match_substring_regex(texts, CODE)).as_py())
    return any(
        text.lower().lstrip("+-") == "nan" or (WHOLE.fullmatch(text) and int(text) != float(text))
        for text in texts.unique().to_pylist()
        if text is not None
    )


def _first_bad_row(path: Path, compression: str | None, form: params.Csv) -> str:
    """The first row with too few or too many values: Arrow does not name it."""
    with pa.input_stream(str(path), compression=compression) as stream:
        text: Any = io.TextIOWrapper(stream, encoding=form.encoding, errors="replace", newline="")
        rows = (row for row in csv.reader(text, delimiter=form.delimiter) if row)
        try:
            columns = len(next(rows))
            number, values = next((i, len(row)) for i, row in enumerate(rows, start=1) if len(row) != columns)
        except (csv.Error, StopIteration):
            return "its rows have different numbers of values"
    return (
        f"data row {number:,} has {values} {'value' if values == 1 else 'values'}, the header {columns}: "
        f"cut off, or a {form.delimiter!r} that needs quotes"
    )


def _problem(error: Exception, form: params.Csv) -> str:
    if "Truncated" in str(error):
        return "the compressed file is cut off"
    if "Empty CSV file" in str(error):
        return "is empty"
    return f"is no CSV ({_encoding(form)}, {form.delimiter!r} between the columns, one header) or damaged"
