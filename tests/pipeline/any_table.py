"""Tables as hypothesis makes them, of names, types and values that a stranger's data may have, each with a task."""

import csv
import datetime
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

ROWS = 120
NAMES = ["when", "when__month", "when__days", "when__date__month", "caf\u00e9", "cafe\u0301", "\u200bhidden", " lead"]
NAMES += ['say "x"', "back\\slash", "a.b", "two  words", "it's", "a: b", "# no", "- x", "<b>", "a,b;c|d", "[0]", "{}"]
NAMES += ["id", "key", "label", "score", "score_0", "target", "features", "rows", "release", "reason", "format", "time"]
NAMES += ["f0", "slice:x", "columns", "index", "self", "null", "true", "1", "1.0", "~", "!x", "&x", "%", "="]
PRINTED = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])  # a name with another one is refused
NAME = st.sampled_from(NAMES) | st.text(PRINTED, min_size=1, max_size=5)
WORDS = ["", " ", "NA", "null", "nan", "N/A", "None", "true", "7", "7.0", "007", "0x10", "1e3", "-", "2024-01-01"]
WORDS += [
    "missing",
    "other values",
    "caf\u00e9",
    "cafe\u0301",
    'say "x"',
    "a,b",
    "a\nb",
    "\t",
    "it's",
    "\\",
    "12:30:00",
]
TEXT = st.sampled_from(WORDS) | st.text(max_size=4)
MOMENTS = st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30))


def whole(bits: int, lowest: int | None = None) -> st.SearchStrategy[int]:
    """Whole numbers of so many bits, those at the ends and small ones more often."""
    low, high = -(2 ** (bits - 1)) if lowest is None else lowest, 2 ** (bits - (lowest is None)) - 1
    return st.integers(low, high) | st.integers(max(low, -3), 3) | st.integers(high - 3, high)


def floats(bits: int) -> st.SearchStrategy[float]:
    return st.floats(width=bits, allow_nan=False, allow_infinity=False)  # type: ignore[arg-type]


# Column types of Parquet, and values of each; CSV has the same values as text.
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    **{f"int{bits}": (getattr(pa, f"int{bits}")(), whole(bits)) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (getattr(pa, f"uint{bits}")(), whole(bits, 0)) for bits in (8, 64)},
    **{f"float{bits}": (getattr(pa, f"float{bits}")(), floats(bits)) for bits in (16, 32, 64)},
    "decimal": (pa.decimal128(38, 4), st.decimals(-(10**30), 10**30, places=4)),
    "boolean": (pa.bool_(), st.booleans()),
    "date": (pa.date32(), st.dates()),
    "seconds": (pa.timestamp("s"), MOMENTS.map(lambda moment: moment.replace(microsecond=0))),
    "microseconds": (pa.timestamp("us"), MOMENTS),
    "zoned": (pa.timestamp("us", "Asia/Kathmandu"), MOMENTS.map(lambda moment: moment.replace(tzinfo=datetime.UTC))),
    "text": (pa.string(), TEXT),
    "encoded": (pa.dictionary(pa.int8(), pa.string()), TEXT),
}
CLASSES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    name: KINDS[name] for name in ("int8", "int64", "boolean", "text")
}
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class AnyTable:
    """A table with a key and a target, its task and the form of its file; `categories`: columns to be declared so."""

    task: str
    table: pa.Table
    key: str
    target: str
    positive: Any
    ending: str
    categories: tuple[str, ...]

    def content(self) -> bytes:
        """The file."""
        if self.ending == "parquet":
            stream = pa.BufferOutputStream()
            pq.write_table(self.table, stream)
            return bytes(stream.getvalue())
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(self.table.column_names)
        writer.writerows([_written(value) for value in row.values()] for row in self.table.to_pylist())
        return text.getvalue().encode()

    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows by the text of their key, as they stand in the file: those of CSV hold text."""
        rows = self.table.to_pylist()
        if self.ending == "csv":
            rows = [{name: _written(value) or None for name, value in row.items()} for row in rows]
        return {str(row[self.key]): row for row in rows}


def _written(value: Any) -> str:
    """A value as it stands in a CSV file."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@st.composite
def any_tables(draw: Draw, task: str) -> AnyTable:
    """A table of one to four features, of which the first tells something about the target."""
    names = draw(st.lists(NAME, min_size=3, max_size=6, unique=True))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    kinds = {name: draw(st.sampled_from(sorted(KINDS))) for name in names[2:]}
    places = {name: rng.integers(0, 6, ROWS) for name in kinds}
    columns = {name: _column(draw, KINDS[kinds[name]], places[name], rng) for name in kinds}
    signal = (places[names[2]] + (rng.random(ROWS) < 0.3)).astype(int)
    columns[names[0]] = _keys(draw)
    columns[names[1]], positive = _target(draw, task, signal, rng)
    countable = [name for name, kind in kinds.items() if kind in ("int8", "int64", "uint64", "boolean", "date")]
    return AnyTable(
        task=task,
        table=pa.table({name: columns[name] for name in draw(st.permutations(names))}),
        key=names[0],
        target=names[1],
        positive=positive,
        ending=draw(st.sampled_from(["parquet", "csv"])),
        categories=tuple(draw(st.lists(st.sampled_from(countable), unique=True)) if countable else ()),
    )


def _column(draw: Draw, kind: tuple[pa.DataType, st.SearchStrategy[Any]], places: Any, rng: Any) -> pa.Array:
    """A column of up to six different values, or of numbers with many; perhaps with gaps."""
    pool = draw(st.lists(kind[1], min_size=1, max_size=6))
    values: Sequence[Any] = [pool[place % len(pool)] for place in places]
    if pa.types.is_floating(kind[0]) and draw(st.booleans()):
        values = (rng.normal(size=ROWS) * 10.0 ** draw(st.integers(-3, 3))).astype(kind[0].to_pandas_dtype()).tolist()
    share = draw(st.sampled_from([0, 0.2]))
    gaps = rng.random(ROWS) < share
    return pa.array([None if gap else value for value, gap in zip(values, gaps, strict=True)], kind[0])


def _keys(draw: Draw) -> pa.Array:
    first = draw(st.sampled_from([0, -50, 2**53 - 50, 2**63 - ROWS]))
    day = datetime.date(1999, 12, 1)
    return draw(
        st.sampled_from(
            [
                pa.array(range(first, first + ROWS)),
                pa.array([f"k {place}" for place in range(ROWS)]),
                pa.array([f"\u00fc\"'\\{place}" for place in range(ROWS)]),
                pa.array([day + datetime.timedelta(days=place) for place in range(ROWS)]),
            ]
        )
    )


def _target(draw: Draw, task: str, signal: Any, rng: Any) -> tuple[pa.Array, Any]:
    """The target, and the value of task.positive."""
    if task == "regression":
        scale = 10.0 ** draw(st.integers(-4, 6))
        return pa.array((signal + rng.normal(size=ROWS)) * scale), None
    kind, values = CLASSES[draw(st.sampled_from(sorted(CLASSES)))]
    count = 2 if task == "binary" or pa.types.is_boolean(kind) else 3
    classes = draw(st.lists(values, min_size=count, max_size=count, unique=True))
    return pa.array([classes[place % count] for place in signal], kind), classes[0] if task == "binary" else None


def as_sent(value: Any, kind: str) -> Any:
    """What a client sends for a value of the file, where the contract has its column as `kind`; None: null.

    Whole numbers and decimals keep all their digits.
    """
    if isinstance(value, str):
        return value == "true" if kind == "boolean" else Decimal(value) if kind in ("integer", "number") else value
    if value is None or kind in ("integer", "number", "boolean"):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime.date) else str(value)
